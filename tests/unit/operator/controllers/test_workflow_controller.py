"""Workflows, reconciled on an API server in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.workflow.bounds import WINDOW
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.workflows import status
from tests.unit.operator.harness import make_operator
from tests.unit.operator.workflow_stage import NAME, WorkflowStage, mapped, step

EXACT = '{"id":9223372036854775809,"rate":1.10}'


def test_a_result_goes_on_exact_to_the_character() -> None:
    stage = WorkflowStage(step("a"), step("b", 1, None, inputs={"/args/1": "a"}))
    assert stage.tasks() == ["a"]
    stage.end("a", EXACT)
    assert stage.payload("b") == '{"args":[1,' + EXACT + '],"kwargs":{}}'
    stage.end("b")
    assert stage.phase is WorkflowPhase.SUCCEEDED
    assert stage.status["progress"] == "2/2"
    assert [condition["type"] for condition in stage.status["conditions"]] == ["Complete"]


def test_a_task_is_that_of_its_step() -> None:
    stage = WorkflowStage(step("a", priority=3, policy={"maxAttempts": 2}), queue="reports", backend="other")
    body = stage.operator.server.get(TASK_PLURAL, "flow-a")
    workflow = stage.operator.server.get(WORKFLOW_PLURAL, NAME)
    spec = body["spec"]
    assert (spec["task"], spec["queue"], spec["backend"], spec["priority"]) == ("shop.tasks.a", "reports", "other", 3)
    assert spec["policy"] == {"maxAttempts": 2}
    assert spec["workflow"] == {"name": NAME, "uid": workflow["metadata"]["uid"], "step": "a"}
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (workflow["metadata"]["uid"], True)
    assert body["metadata"]["labels"] == {
        "djangotasks.dev/queue": "reports",
        "djangotasks.dev/workflow": NAME,
        "djangotasks.dev/step": "a",
    }


def test_a_map_is_gathered_in_order_with_null_for_what_may_fail() -> None:
    stage = WorkflowStage(
        step("map", None, map={"list": "list"}, inputs={"/args/0": None}, maxFailedIndexes=1),
        step("sum", None, inputs={"/args/0": "map"}),
        lists=[mapped(3)],
    )
    assert stage.tasks() == ["map-00000", "map-00001", "map-00002"]
    assert [stage.payload(task) for task in stage.tasks()] == [f'{{"args":[{n}],"kwargs":{{}}}}' for n in range(3)]
    for task, result in (("map-00002", '"c"'), ("map-00001", None), ("map-00000", '"a"')):
        stage.end(task, result)
    assert stage.payload("sum") == '{"args":[["a",null,"c"]],"kwargs":{}}'
    assert stage.status["steps"]["map"]["completedIndexes"] == "0,2"
    assert stage.status["steps"]["map"]["failedIndexes"] == "1"


def test_many_results_are_gathered_from_a_list() -> None:
    stage = WorkflowStage(
        step("map", map={"list": "list"}), step("sum", None, inputs={"/args/0": "map"}), lists=[mapped(30)]
    )
    for number, task in enumerate(stage.tasks()):
        stage.end(task, str(number), deliver=False)
    stage.deliver()
    stage.operator.wait(1)
    assert stage.payload("sum") == '{"args":[[' + ",".join(map(str, range(30))) + ']],"kwargs":{}}'


@pytest.mark.parametrize(
    ("result", "phases", "tasks"),
    [
        ('["x", {"y": 1}]', {"a": "Succeeded", "map": "Running"}, ["map-00000", "map-00001"]),
        ("[]", {"a": "Succeeded", "map": "Succeeded"}, []),
        ('"no list"', {"a": "Succeeded", "map": "Failed NotAList"}, []),
        ("broken", {"a": "Succeeded", "map": "Failed NotAList"}, []),
    ],
)
def test_a_map_over_a_result(result: str, phases: dict[str, str], tasks: list[str]) -> None:
    stage = WorkflowStage(step("a"), step("map", None, map={"over": "a"}, inputs={"/args/0": None}))
    stage.end("a", result)
    assert stage.phases() == phases
    assert stage.tasks() == tasks


def test_items_go_through_lanes_one_by_one() -> None:
    stage = WorkflowStage(
        step("map", map={"list": "list"}),
        step("lane", None, map={"each": "map"}, inputs={"/args/0": None}),
        lists=[mapped(2)],
    )
    stage.end("map-00001", "7")
    stage.operator.wait(1)
    assert stage.tasks() == ["lane-00001", "map-00000"]
    assert stage.payload("lane-00001") == '{"args":[7],"kwargs":{}}'


def test_a_step_has_the_times_of_its_begin_and_its_end() -> None:
    stage = WorkflowStage(step("a"), step("alert", after=["a"], runs="OnFailure"))
    begun = stage.status["steps"]["a"]["startedAt"]
    assert "finishedAt" not in stage.status["steps"]["a"]
    stage.operator.wait(60)
    stage.end("a")
    ended = stage.status["steps"]["a"]
    assert (ended["startedAt"], ended["finishedAt"] > begun) == (begun, True)
    assert {"startedAt", "finishedAt"}.isdisjoint(stage.status["steps"]["alert"]), "it was not needed"


def test_a_suspended_workflow_creates_nothing() -> None:
    stage = WorkflowStage(step("a"), step("b", after=["a"]))
    stage.change(suspended=True)
    stage.end("a")
    assert stage.tasks() == []
    stage.change(suspended=False)
    assert stage.tasks() == ["b"]


def test_a_part_of_a_result_is_taken() -> None:
    inputs = [{"into": "/args/0", "step": "a", "pointer": "/rows/1"}]
    stage = WorkflowStage(step("a"), step("b", None) | {"inputs": inputs})
    stage.end("a", '{"rows": [1, 1.10]}')
    assert stage.payload("b") == '{"args":[1.10],"kwargs":{}}'


def test_a_task_that_was_deleted_before_its_end_is_created_again() -> None:
    stage = WorkflowStage(step("a"))
    stage.delete_task("a")
    assert stage.tasks() == ["a"]


def test_a_recorded_task_that_was_deleted_is_not() -> None:
    stage = WorkflowStage(step("a"), step("b", after=["a"]))
    stage.end("a")
    stage.delete_task("a")
    assert stage.tasks() == ["b"]


@pytest.mark.thorough
@pytest.mark.parametrize("limit", [None, 3])
def test_no_more_tasks_than_the_window_exist(limit: int | None) -> None:
    stage = WorkflowStage(step("map", map={"list": "list"}), lists=[mapped(WINDOW + 20)], maxParallel=limit)
    window = limit or WINDOW
    assert len(stage.tasks()) == window
    assert stage.status["active"] == window
    stage.end("map-00000")
    assert len(stage.tasks()) == window


def test_another_task_of_the_name_is_left_alone() -> None:
    operator = make_operator()
    operator.server.create(TASK_PLURAL, {"metadata": {"name": "flow-a"}, "spec": {"task": "shop.tasks.other"}})
    stage = WorkflowStage(step("a"), operator=operator)
    operator.wait(1)
    assert (stage.phase, stage.status["reason"]) == (WorkflowPhase.RUNNING, "TasksRefused")
    assert "another DjangoTask flow-a" in stage.status["message"]
    stage.operator.server.remove(TASK_PLURAL, "flow-a")
    operator.wait(60)
    assert "workflow" in operator.server.get(TASK_PLURAL, "flow-a")["spec"]
    operator.wait(2)
    assert "reason" not in stage.status


def test_a_task_that_only_claims_to_be_of_a_workflow_is_not() -> None:
    stage = WorkflowStage(step("a"))
    uid = stage.operator.server.get(WORKFLOW_PLURAL, NAME)["metadata"]["uid"]
    part = {"name": NAME, "uid": uid, "step": "a"}
    forged = {"metadata": {"name": "forged"}, "spec": {"task": "shop.tasks.a", "workflow": part}}
    stage.operator.server.create(TASK_PLURAL, forged)
    stage.operator.server.update(TASK_PLURAL, "forged", {"status": {"phase": "Succeeded", "result": "1"}})
    stage.deliver()
    assert stage.phase is WorkflowPhase.RUNNING


@pytest.mark.parametrize(
    ("status", "words"), [(403, "exceeded quota: tasks"), (500, 'failed calling webhook "x": no endpoints available')]
)
def test_what_refuses_all_is_waited_for(status: int, words: str) -> None:
    operator = make_operator()
    full = True

    def refuse(request: str) -> None:
        if full and request == "create djangotasks flow-a":
            raise ApiError(status, {"message": words})

    operator.api.before_request = refuse
    stage = WorkflowStage(step("a"), operator=operator)
    operator.wait(1)
    assert stage.status["reason"] == "TasksRefused"
    assert words in stage.status["message"]
    full = False
    operator.wait(60)
    assert stage.tasks() == ["a"]


def test_nothing_is_written_where_nothing_has_changed() -> None:
    stage = WorkflowStage(step("a"))
    before = len([request for request in stage.operator.api.requests if request.startswith("patch djangotaskw")])
    stage.operator.lead()
    stage.operator.drain()
    after = len([request for request in stage.operator.api.requests if request.startswith("patch djangotaskw")])
    assert (before, after) == (1, 1)


def test_what_is_written_once_a_second_is_computed_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The indexes of a map of 100,000 of which many failed take 15 ms as a text: with each end that was too long."""
    stage = WorkflowStage(step("map", map={"list": "list"}), lists=[mapped(20)])
    computed: list[None] = []
    compute = status.change

    def change(*args: Any) -> status.Change:
        computed.append(None)
        return compute(*args)

    monkeypatch.setattr(status, "change", change)
    tasks = stage.tasks()
    for task in tasks[1:]:
        stage.end(task, deliver=False)
        stage.operator.relist()
        stage.operator.drain()
    assert len(computed) == 1
    stage.operator.wait(1)
    assert stage.status["steps"]["map"]["completedIndexes"] == "1-19"
    stage.end(tasks[0])
    assert stage.phase is WorkflowPhase.SUCCEEDED


class Killed(BaseException):
    """The process ends here: nothing catches it."""


def _killer(at: int) -> Callable[[str], None]:
    requests = itertools.count()

    def kill(_: str) -> None:
        if next(requests) == at:
            raise Killed

    return kill


@pytest.mark.parametrize(
    "at", [0, 15, 30, *(pytest.param(at, marks=pytest.mark.thorough) for at in range(3, 60, 3) if at % 15 or at == 45)]
)
def test_a_leader_that_dies_at_any_request_leaves_a_workflow_that_goes_on(at: int) -> None:
    """The next one has nothing but what is stored."""
    steps = (
        step("a"),
        step("map", None, map={"over": "a"}, inputs={"/args/0": None}),
        step("lane", None, map={"each": "map"}, inputs={"/args/0": None}),
        step("sum", None, inputs={"/args/0": "lane"}),
        step("clean", after=["sum"], runs="Always"),
    )
    stage = WorkflowStage(*steps)
    stage.operator.api.before_request = _killer(at)
    created: list[str] = []
    for _ in range(100):
        try:
            stage.deliver()
        except Killed:
            stage.operator.api.before_request = lambda _: None
            stage.operator.lead()
            stage.operator.wait(2)
        created += [name for name in stage.tasks() if name not in created]
        if stage.phase.is_terminal:
            break
        for task in stage.tasks():
            stage.end(task, "[1,2]" if task == "a" else f'"{task}"', deliver=False)
    assert stage.phase is WorkflowPhase.SUCCEEDED
    assert stage.payload("sum") == '{"args":[["lane-00000","lane-00001"]],"kwargs":{}}'
    requests = [request for request in stage.operator.api.requests if request.startswith("create djangotasks ")]
    assert sorted(created) == ["a", "clean", "lane-00000", "lane-00001", "map-00000", "map-00001", "sum"]
    assert len(requests) <= len(created) + 1, "at most the one that was on its way is asked for twice"
