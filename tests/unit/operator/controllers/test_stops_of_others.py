"""What went wrong when workflows of other systems were stopped, suspended, skipped or retried, as their users reported
it, and does not here."""

from __future__ import annotations

import pytest

from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.workflow.records import WorkflowPhase
from tests.unit.operator.workflow_stage import NAME, WorkflowStage, mapped, step

pytestmark = pytest.mark.thorough


def test_a_clean_up_that_waits_long_is_not_stopped_by_the_deadline() -> None:
    """argo#13060, #13252, #2603: an exit handler that was pending for ten seconds after the deadline was stopped, or the
    workflow ran for ever."""
    stage = WorkflowStage(step("a"), step("clean", after=["a"], runs="Always"), policy={"timeoutSeconds": 10})
    stage.operator.put_queue(concurrency=1)
    stage.operator.wait(11)
    assert "flow-a" in stage.operator.names(TASK_PLURAL)
    stage.end("a", None)
    assert stage.tasks() == ["clean"]
    stage.operator.wait(3600)
    assert stage.tasks() == ["clean"]
    assert not stage.spec("clean").get("cancel")
    stage.end("clean")
    assert (stage.phase, stage.status["reason"]) == (WorkflowPhase.FAILED, "DeadlineExceeded")


def test_one_that_is_suspended_keeps_its_deadline() -> None:
    """argo#13722: it was running for ever, and what was resumed afterwards failed at once."""
    stage = WorkflowStage(
        step("a"), step("b", after=["a"]), step("clean", after=["b"], runs="Always"), policy={"timeoutSeconds": 100}
    )
    stage.change(suspended=True)
    stage.end("a")
    assert stage.tasks() == []
    stage.operator.wait(101)
    assert stage.tasks() == ["clean"]
    stage.end("clean")
    assert (stage.phase, stage.phases()["b"]) == (WorkflowPhase.FAILED, "Cancelled DeadlineExceeded")


def test_what_was_allowed_to_fail_is_retried_and_what_followed_it_is_not() -> None:
    """argo#11395: "Ancestor task node continue not found", when a step after one that was allowed to fail had ended."""
    stage = WorkflowStage(
        step("a", allowFailure=True),
        step("b", None, inputs={"/args/0": "a"}),
        step("c", after=["b"]),
    )
    stage.end("a", None)
    assert stage.payload("b") == '{"args":[null],"kwargs":{}}'
    stage.end("b")
    stage.end("c", None)
    retry = stage.retry("again")
    assert retry.tasks() == ["a", "c"], "and not b, which c alone waits for"
    retry.end("a", None)
    retry.end("c")
    assert retry.phase is WorkflowPhase.SUCCEEDED


def test_what_does_not_succeed_for_one_item_stops_that_item_alone() -> None:
    """airflow#48845: one of a map's tasks left out those that followed all of them."""
    stage = WorkflowStage(
        step("a", map={"list": "list"}, maxFailedIndexes=6),
        step("b", map={"each": "a"}, maxFailedIndexes=6),
        step("c", map={"each": "b"}, maxFailedIndexes=6),
        lists=[mapped(7)],
    )
    for number in range(7):
        stage.end(f"a-{number:05}", None if number < 6 else "1")
    assert stage.tasks() == ["b-00006"]
    stage.end("b-00006")
    stage.end("c-00006")
    assert stage.phase is WorkflowPhase.SUCCEEDED
    assert stage.status["steps"]["c"]["completedIndexes"] == "6"


def test_a_result_is_there_also_after_a_step_between_that_did_not_run() -> None:
    """airflow#34754: where the second step was skipped, the third did not get what the first had returned."""
    stage = WorkflowStage(
        step("first"),
        step("alert", after=["first"], runs="OnFailure"),
        step("third", None, None, after=["alert"], inputs={"/args/0": "first", "/args/1": "alert"}, runs="Always"),
    )
    stage.end("first", '"kept"')
    assert stage.phases()["alert"] == "Skipped NotNeeded"
    assert stage.payload("third") == '{"args":["kept",null],"kwargs":{}}'


@pytest.mark.parametrize("number", ["1472953", "20200219", "9223372036854775809", "1e400", "1.10"])
def test_a_number_is_the_number_that_it_was(number: str) -> None:
    """argo#3990, kubeflow/pipelines#2915: 20200219 became 2.0200219e+07 on its way."""
    stage = WorkflowStage(
        step("list"),
        step("map", None, map={"over": "list"}, inputs={"/args/0": None}),
        step("all", None, inputs={"/args/0": "map"}),
    )
    stage.end("list", f"[{number}, {number}]")
    assert stage.payload("map-00001") == f'{{"args":[{number}],"kwargs":{{}}}}'
    for index in range(2):
        stage.end(f"map-0000{index}", number)
    assert stage.payload("all") == f'{{"args":[[{number},{number}]],"kwargs":{{}}}}'


def test_what_is_shown_of_failures_adds_up() -> None:
    """sidekiq#4716: of five jobs five were pending and two had failed, and no callback ran."""
    stage = WorkflowStage(
        step("map", map={"list": "list"}, maxParallel=2),
        step("alert", after=["map"], runs="OnFailure"),
        lists=[mapped(5)],
    )
    shown = [(stage.status["progress"], stage.status["active"])]
    for number in range(5):
        stage.end(f"map-{number:05}", None if number % 2 else "1")
        shown.append((stage.status["progress"], stage.status["active"]))
    assert shown == [("0/6", 2), ("1/6", 2), ("2/6", 2), ("3/6", 2), ("4/6", 1), ("5/6", 1)]
    stage.end("alert")
    assert (stage.phase, stage.status["progress"], stage.status["active"]) == (WorkflowPhase.FAILED, "6/6", 0)


def test_attempts_of_a_task_are_one_result() -> None:
    """argo#7617, #14228: what was collected of a fan-out had an entry for each attempt, or none."""
    stage = WorkflowStage(
        step("map", map={"list": "list"}), step("all", None, inputs={"/args/0": "map"}), lists=[mapped(2)]
    )
    attempts = [{"number": number, "job": f"{NAME}-map-00000-{number}", "pod": "p"} for number in (1, 2)]
    stage.operator.server.update(TASK_PLURAL, f"{NAME}-map-00000", {"status": {"attempts": attempts}})
    stage.end("map-00000", "0")
    stage.end("map-00001", "1")
    assert stage.payload("all") == '{"args":[[0,1]],"kwargs":{}}'
