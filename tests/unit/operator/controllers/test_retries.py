"""Retries of workflows, and how long what they take over is kept."""

from __future__ import annotations

import pytest

from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.workflow.records import WorkflowPhase
from tests.unit.operator.harness import make_operator
from tests.unit.operator.workflow_stage import WorkflowStage, mapped, step

STEPS = (
    step("first"),
    step("map", None, map={"list": "list"}, inputs={"/args/0": None}),
    step("sum", None, None, inputs={"/args/0": "map", "/args/1": "first"}),
    step("clean", after=["sum"], runs="Always"),
)
DAY = 24 * 3600


def failed() -> WorkflowStage:
    """One whose item 1 failed."""
    stage = WorkflowStage(*STEPS, lists=[mapped(3)])
    for task, result in (("first", '"f"'), ("map-00000", "10"), ("map-00001", None), ("map-00002", "12")):
        stage.end(task, result)
    stage.end("clean")
    assert stage.phase is WorkflowPhase.FAILED
    return stage


def test_a_retry_runs_what_had_not_succeeded_with_the_results_of_the_rest() -> None:
    retry = failed().retry("again")
    assert retry.tasks() == ["map-00001"]
    assert retry.status["steps"]["map"]["takenOver"][0]["indexes"] == "0,2"
    retry.end("map-00001", "11")
    assert retry.payload("sum") == '{"args":[[10,11,12],"f"],"kwargs":{}}'
    retry.end("sum")
    retry.end("clean")
    assert (retry.phase, retry.status["progress"]) == (WorkflowPhase.SUCCEEDED, "6/6")


def test_a_retry_of_a_retry_has_the_results_of_both() -> None:
    second = failed().retry("second")
    second.end("map-00001", "11")
    second.end("sum", None)
    second.end("clean")
    third = second.retry("third")
    assert third.tasks() == ["sum"]
    assert third.payload("sum") == '{"args":[[10,11,12],"f"],"kwargs":{}}'


@pytest.mark.thorough
def test_many_results_of_two_workflows_are_gathered_in_order() -> None:
    stage = WorkflowStage(
        step("map", map={"list": "list"}), step("sum", None, inputs={"/args/0": "map"}), lists=[mapped(30)]
    )
    for number, task in enumerate(stage.tasks()):
        stage.end(task, None if number % 3 == 0 else str(number), deliver=False)
    stage.deliver()
    retry = stage.retry("again")
    for task in retry.tasks():
        retry.end(task, str(int(task.rpartition("-")[2])), deliver=False)
    retry.deliver()
    retry.operator.wait(1)
    assert retry.payload("sum") == '{"args":[[' + ",".join(map(str, range(30))) + ']],"kwargs":{}}'


def test_a_new_leader_goes_on_with_a_retry() -> None:
    retry = failed().retry("again")
    retry.operator.lead()
    retry.deliver()
    assert retry.tasks() == ["map-00001"]
    assert str(retry.status["steps"]["map"]["takenOver"][0]["indexes"]) == "0,2"


def test_what_succeeded_cannot_be_retried() -> None:
    stage = WorkflowStage(step("a"))
    stage.end("a")
    retry = stage.retry("again")
    assert (retry.phase, retry.status["reason"]) == (WorkflowPhase.FAILED, "NotRetryable")
    assert "succeeded" in retry.status["message"]


def test_what_runs_cannot_be_retried() -> None:
    retry = WorkflowStage(step("a")).retry("again")
    assert (retry.status["reason"], retry.tasks()) == ("NotRetryable", [])
    assert "is Running. Wait for its end" in retry.status["message"]


def test_of_two_retries_the_second_is_refused() -> None:
    stage = failed()
    first, second = stage.retry("again"), stage.retry("same")
    assert first.tasks() == ["map-00001"]
    assert second.status["reason"] == "NotRetryable"
    assert "again retries flow already" in second.status["message"]
    for task in ("map-00001", "clean"):
        first.end(task, None)
    assert stage.retry("third").tasks() == ["map-00001"]


def test_a_workflow_that_is_gone_cannot_be_retried() -> None:
    stage = failed()
    stage.operator.wait(DAY)
    retry = WorkflowStage(*STEPS, operator=stage.operator, lists=[mapped(3)], retryOf={"name": "flow", "uid": "other"})
    assert retry.status["reason"] == "NotRetryable"
    assert "There is no workflow flow" in retry.status["message"]


def test_a_result_that_is_gone_is_named() -> None:
    stage = failed()
    stage.delete_task("map-00002")
    retry = stage.retry("again")
    assert retry.status["reason"] == "NotRetryable"
    assert "The task flow-map-00002 of the earlier workflow was deleted" in retry.status["message"]


def test_a_result_that_goes_later_fails_the_step_that_needs_it() -> None:
    stage = failed()
    retry = stage.retry("again")
    stage.delete_task("first")
    retry.end("map-00001", "11")
    assert retry.phases()["sum"] == "Failed InputUnavailable"
    assert "flow-first was deleted" in retry.status["steps"]["sum"]["message"]


def test_another_step_of_the_name_is_refused() -> None:
    retry = failed().retry("again", step("first", 7), *STEPS[1:])
    assert "The step first is another one" in retry.status["message"]


def test_an_earlier_workflow_is_kept_as_long_as_its_retry() -> None:
    stage = failed()
    retry = stage.retry("again", policy={"ttlSecondsAfterFinished": 3 * DAY})
    retry.end("map-00001", "11")
    stage.operator.wait(2 * DAY)
    assert stage.exists()
    retry.end("sum")
    retry.end("clean")
    stage.operator.wait(3 * DAY - 2)
    assert (stage.exists(), retry.exists()) == (True, True)
    stage.operator.wait(10)
    assert (stage.exists(), retry.exists()) == (False, False)


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"successfulTasksHistoryLimit": 1}, ["two"]),
        ({"failedTasksHistoryLimit": 0}, ["one", "two"]),
        ({}, ["one", "two"]),
    ],
)
def test_a_queue_keeps_so_many_finished_workflows(limits: dict[str, int], kept: list[str]) -> None:
    operator = make_operator()
    for name in ("one", "two"):
        stage = WorkflowStage(step("a"), operator=operator, name=name)
        stage.end("a")
        operator.wait(1)
    operator.put_queue("default", **limits)
    operator.drain()
    assert operator.names(WORKFLOW_PLURAL) == kept


def test_a_limit_does_not_take_what_a_retry_needs() -> None:
    stage = failed()
    stage.retry("again")
    stage.operator.put_queue("default", failedTasksHistoryLimit=0)
    stage.operator.drain()
    assert stage.exists()
    assert "flow-map-00002" in stage.operator.names(TASK_PLURAL)


def test_a_retry_that_was_refused_keeps_nothing() -> None:
    stage = WorkflowStage(step("a"), policy={"ttlSecondsAfterFinished": 60})
    stage.end("a")
    assert stage.retry("again", policy={}).status["reason"] == "NotRetryable"
    stage.operator.wait(70)
    assert not stage.exists()


def test_an_earlier_workflow_goes_when_its_retry_is_deleted_by_hand() -> None:
    stage = failed()
    retry = stage.retry("again")
    stage.operator.wait(2 * DAY)
    assert stage.exists()
    stage.operator.server.remove(WORKFLOW_PLURAL, retry.name)
    stage.deliver()
    assert not stage.exists()


class Killed(BaseException):
    """The process is no more."""


@pytest.mark.parametrize(
    "after", [1, 8, 16, 24, *(pytest.param(at, marks=pytest.mark.thorough) for at in range(2, 25) if at % 8)]
)
def test_a_leader_that_dies_at_any_request_of_a_retry_loses_nothing(after: int) -> None:
    """Nothing that succeeded runs again, and nothing that is needed is deleted too early."""
    steps = [step("map", None, map={"list": "list"}, inputs={"/args/0": None}, keepTasks="OnFailure"), *STEPS[2:]]
    stage = WorkflowStage(step("first", keepTasks="Never"), *steps, lists=[mapped(3)])
    for task, result in (("first", '"f"'), ("map-00000", "10"), ("map-00001", None), ("map-00002", "12")):
        stage.end(task, result)
    stage.end("clean")
    operator, left = stage.operator, after

    def count(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    retry = stage.retry("again", deliver=False)
    operator.api.before_request = count
    ended: list[str] = []
    for _ in range(40):
        try:
            retry.deliver()
        except Killed:
            operator.api.before_request = lambda _: None
            operator.lead()
            operator.wait(2)
        if retry.phase.is_terminal:
            break
        for task in retry.tasks():
            if task == "sum":
                assert retry.payload("sum") == '{"args":[[10,11,12],"f"],"kwargs":{}}'
            retry.end(task, "11", deliver=False)
            ended.append(task)
    assert retry.phase is WorkflowPhase.SUCCEEDED
    assert ended == ["map-00001", "sum", "clean"]
    retry.deliver()
    operator.wait(1)
    assert retry.finished() == ["clean", "sum"]
