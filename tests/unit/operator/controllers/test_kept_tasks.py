"""Tasks that go before their workflow does (keepTasks)."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.workflow.records import WorkflowPhase
from tests.unit.operator.workflow_stage import NAME, WorkflowStage, mapped, step

LANE = step("lane", None, map={"each": "map"}, inputs={"/args/0": None})


@pytest.mark.parametrize(
    ("keep", "left"), [("Always", ["map-00000", "map-00001"]), ("OnFailure", ["map-00001"]), ("Never", [])]
)
def test_what_is_recorded_goes(keep: str, left: list[str]) -> None:
    stage = WorkflowStage(step("map", map={"list": "list"}, keepTasks=keep, maxFailedIndexes=1), lists=[mapped(3)])
    stage.end("map-00000")
    stage.end("map-00001", None)
    assert stage.finished() == left
    stage.end("map-00002")
    assert stage.phase is WorkflowPhase.SUCCEEDED
    assert stage.finished() == [*left, *(["map-00002"] if keep == "Always" else [])]


def test_an_item_goes_when_the_next_lane_has_had_it() -> None:
    stage = WorkflowStage(step("map", map={"list": "list"}, keepTasks="OnFailure"), LANE, lists=[mapped(2)])
    stage.end("map-00000", "7")
    assert (stage.tasks(), stage.finished()) == (["lane-00000", "map-00001"], ["map-00000"])
    assert stage.payload("lane-00000") == '{"args":[7],"kwargs":{}}'
    stage.end("lane-00000")
    assert stage.finished() == ["lane-00000"]


def test_a_result_stays_until_it_was_taken() -> None:
    stage = WorkflowStage(step("a", keepTasks="Never"), step("b", None, inputs={"/args/0": "a"}))
    stage.end("a", "1")
    assert stage.finished() == ["a"]
    stage.end("b")
    assert stage.finished() == ["b"]


def test_a_failed_workflow_keeps_what_a_retry_takes() -> None:
    stage = WorkflowStage(step("a", keepTasks="Never"), step("b", None, inputs={"/args/0": "a"}))
    stage.end("a", "1")
    stage.end("b", None)
    assert (stage.phase, stage.finished()) == (WorkflowPhase.FAILED, ["a", "b"])
    retry = stage.retry("again")
    assert retry.payload("b") == '{"args":[1],"kwargs":{}}'


def test_what_is_gone_does_not_run_again() -> None:
    stage = WorkflowStage(step("map", map={"list": "list"}, keepTasks="OnFailure", maxParallel=1), lists=[mapped(3)])
    stage.end("map-00000")
    stage.operator.lead()
    stage.deliver()
    assert (stage.tasks(), stage.finished()) == (["map-00001"], [])


def test_another_leader_removes_what_is_left_of_one_that_ended() -> None:
    stage = WorkflowStage(step("map", map={"list": "list"}, keepTasks="OnFailure"), lists=[mapped(2)])
    stage.end("map-00000", deliver=False)
    stage.end("map-00001", deliver=False)
    done = {"phase": "Succeeded", "width": 2, "completedIndexes": "0-1", "failedIndexes": ""}
    at = stage.operator.clock.stamp()
    stage.operator.server.update(
        WORKFLOW_PLURAL, NAME, {"status": {"phase": "Succeeded", "finishedAt": at, "steps": {"map": done}}}
    )
    stage.operator.lead()
    stage.deliver()
    assert stage.operator.names(TASK_PLURAL) == []


def test_what_is_not_stored_stays() -> None:
    """A leader that reads how a task ended has not recorded it."""
    stage = WorkflowStage(step("map", map={"list": "list"}, keepTasks="OnFailure"), lists=[mapped(3)])
    stage.end("map-00000", deliver=False)
    stage.operator.server.update(WORKFLOW_PLURAL, NAME, {"spec": {"suspended": True}})
    writes: list[str] = []

    def refuse(request: str) -> None:
        writes.append(request)
        if request.startswith("patch djangotaskworkflows"):
            raise TimeoutError

    stage.operator.api.before_request = refuse
    stage.operator.lead()
    stage.operator.relist()
    stage.operator.drain()
    assert f"delete {TASK_PLURAL} {NAME}-map-00000" not in writes


@pytest.mark.parametrize(
    ("steps", "task"),
    [
        ((step("map", map={"list": "list"}, keepTasks="OnFailure"),), "map-00000"),
        ((step("a", keepTasks="Never"), step("b", after=["a"])), "a"),
        (
            (
                step(
                    "map",
                    map={"list": "list", "chunk": 2},
                    payload='{"each":null}',
                    inputs={"/each": None},
                    keepTasks="Never",
                ),
            ),
            "map-00000",
        ),
    ],
)
def test_what_a_replica_that_leads_no_more_creates_again_does_not_run(steps: tuple[Any, ...], task: str) -> None:
    stage = WorkflowStage(*steps, lists=[mapped(3)])
    stage.operator.put_queue()
    body = stage.operator.server.get(TASK_PLURAL, f"{NAME}-{task}")
    stage.end(task, "[1,2]")
    assert (TASK_PLURAL, f"{NAME}-{task}") not in stage.operator.server.objects
    created = {"metadata": {key: body["metadata"][key] for key in ("name", "ownerReferences")}, "spec": body["spec"]}
    stage.operator.server.create(TASK_PLURAL, created)
    stage.deliver()
    assert (TASK_PLURAL, f"{NAME}-{task}") not in stage.operator.server.objects
    assert f"{NAME}-{task}-1" not in {pod["metadata"]["name"] for pod in stage.operator.server.list("pods")}
