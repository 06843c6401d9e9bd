"""How workflows end, and what runs then, on an API server in memory."""

from __future__ import annotations

import pytest

from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.runtime.errors import ApiError
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.workflow_stage import NAME, Object, WorkflowStage, mapped, step


def test_a_failure_runs_handlers_and_names_the_task() -> None:
    stage = WorkflowStage(
        step("a"),
        step("b", after=["a"]),
        step("alert", None, inputs={"/args/0": "a"}, runs="OnFailure"),
        step("clean", after=["b"], runs="Always"),
    )
    stage.end("a", None)
    assert stage.tasks() == ["alert", "clean"]
    assert stage.payload("alert") == '{"args":[null],"kwargs":{}}'
    for task in stage.tasks():
        stage.end(task)
    assert (stage.phase, stage.status["reason"]) == (WorkflowPhase.FAILED, "StepFailed")
    assert stage.status["message"] == "a: flow-a is Failed, TaskError: ValueError: no"
    assert stage.phases()["b"] == "Skipped UpstreamFailed"


def test_cancelling_stops_what_runs_and_then_cleans_up() -> None:
    stage = WorkflowStage(step("a"), step("b", after=["a"]), step("clean", after=["b"], runs="Always"))
    stage.change(cancel=True, cancelReason="no longer needed")
    stage.operator.wait(1)
    assert stage.operator.status("flow-a").phase == "Cancelled"
    assert stage.operator.status("flow-a").message is not None
    assert stage.tasks() == ["clean"]
    stage.end("clean")
    assert (stage.phase, stage.status["reason"]) == (WorkflowPhase.CANCELLED, "CancelRequested")
    assert stage.status["message"] == "no longer needed"
    assert stage.phases() == {
        "a": "Cancelled CancelRequested",
        "b": "Cancelled CancelRequested",
        "clean": "Succeeded",
    }


def test_a_timeout_stops_the_whole() -> None:
    stage = WorkflowStage(step("a"), step("b", after=["a"]), policy={"timeoutSeconds": 60})
    stage.operator.wait(58)
    assert stage.tasks() == ["a"]
    stage.operator.wait(2)
    assert (stage.phase, stage.status["reason"]) == (WorkflowPhase.FAILED, "DeadlineExceeded")
    assert stage.operator.status("flow-a").phase == "Cancelled"
    assert stage.phases() == {"a": "Cancelled DeadlineExceeded", "b": "Cancelled DeadlineExceeded"}


def test_a_finished_workflow_is_kept_for_its_ttl_and_so_are_its_tasks() -> None:
    stage = WorkflowStage(step("a", policy={"ttlSecondsAfterFinished": 1}), policy={"ttlSecondsAfterFinished": 100})
    stage.end("a")
    stage.operator.wait(98)
    assert stage.operator.names(TASK_PLURAL) == ["flow-a"]
    stage.operator.wait(2)
    assert stage.operator.names(WORKFLOW_PLURAL) == []
    stage.operator.server.collect()
    assert stage.operator.names(TASK_PLURAL) == []


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([step("a", after=["b"]), step("b")], "a: needs b, which is no step before it"),
        ([step("a", map={"list": "nothing"})], "the list nothing, which is not there"),
        ([step("a", inputs={"/args/0": None})], "a: takes an item, and is no map"),
        ([step("a"), step("b", inputs={"/args/0": "a"})], "b: its inputs have no place in its arguments"),
    ],
)
def test_what_is_no_graph_fails_at_once(steps: list[Object], words: str) -> None:
    stage = WorkflowStage(*steps)
    assert (stage.phase, stage.status["reason"]) == (WorkflowPhase.FAILED, "InvalidGraph")
    assert words in stage.status["message"]
    assert stage.tasks() == []


def test_a_status_that_somebody_has_written_fails_it() -> None:
    operator = make_operator()
    stage = WorkflowStage(step("a", map={"list": "list"}), operator=operator, lists=[mapped(2)])
    steps = {"a": {"phase": "Running", "width": 2, "completedIndexes": "3-1"}}
    operator.server.update(WORKFLOW_PLURAL, NAME, {"status": {"steps": steps}})
    operator.lead()
    operator.drain()
    assert stage.status["reason"] == "InvalidGraph"


def test_a_part_that_is_not_there_fails_the_step() -> None:
    inputs = [{"into": "/args/0", "step": "a", "pointer": "/rows/2"}]
    stage = WorkflowStage(step("a"), step("b", None) | {"inputs": inputs})
    stage.end("a", '{"rows": [1, 2]}')
    assert stage.phases()["b"] == "Failed InputUnavailable"
    assert "nothing at /rows/2" in stage.status["steps"]["b"]["message"]


def test_a_result_that_was_deleted_fails_what_needs_it() -> None:
    stage = WorkflowStage(step("a"), step("b"), step("c", None, after=["b"], inputs={"/args/0": "a"}))
    stage.end("a", "1")
    stage.delete_task("a")
    stage.end("b")
    assert stage.phases()["c"] == "Failed InputUnavailable"
    assert "flow-a was deleted" in stage.status["message"]


@pytest.mark.parametrize("by", ["cancel", "timeout"])
def test_a_suspended_workflow_that_is_stopped_cleans_up_and_ends(by: str) -> None:
    stage = WorkflowStage(
        step("a"), step("clean", after=["a"], runs="Always"), suspended=True, policy={"timeoutSeconds": 60}
    )
    assert stage.tasks() == []
    if by == "cancel":
        stage.change(cancel=True)
    stage.operator.wait(61)
    stage.operator.wait(1)
    assert stage.tasks() == ["clean"]
    stage.end("clean")
    assert stage.phase is (WorkflowPhase.CANCELLED if by == "cancel" else WorkflowPhase.FAILED)


def test_a_task_that_somebody_deleted_keeps_no_timeout_from_ending_it() -> None:
    """https://github.com/tektoncd/pipeline/issues/7556: what was to be stopped was gone, and it ran for ever."""
    stage = WorkflowStage(step("a"), step("clean", after=["a"], runs="Always"), policy={"timeoutSeconds": 60})
    stage.operator.server.remove(TASK_PLURAL, f"{NAME}-a")
    stage.operator.wait(61)
    stage.deliver()
    assert stage.tasks() == ["clean"]
    stage.end("clean")
    assert (stage.phase, stage.status["reason"]) == (WorkflowPhase.FAILED, "DeadlineExceeded")


def test_a_retry_of_one_that_ran_too_long_has_all_the_time_again() -> None:
    """https://github.com/argoproj/argo-workflows/pull/5801: it was over at once."""
    stage = WorkflowStage(step("a"), step("b", after=["a"]), policy={"timeoutSeconds": 60})
    stage.end("a")
    stage.operator.wait(61)
    stage.deliver()
    assert stage.status["reason"] == "DeadlineExceeded"
    again = stage.retry("again", policy={"timeoutSeconds": 60})
    again.operator.wait(50)
    assert again.tasks() == ["b"]
    again.end("b")
    assert again.phase == WorkflowPhase.SUCCEEDED


def refuse_once(operator: InMemoryOperator) -> list[str]:
    """The next status of a workflow is larger than etcd takes. Returns the requests that were refused."""
    refused: list[str] = []

    def refuse(request: str) -> None:
        if request.startswith(f"patch {WORKFLOW_PLURAL}") and not refused:
            refused.append(request)
            raise ApiError(500, {"message": "etcdserver: request is too large"})

    operator.api.before_request = refuse
    return refused


def test_a_workflow_of_which_no_more_can_be_recorded_ends() -> None:
    """argo-workflows#913: it ran for ever, since every write of its status was refused."""
    stage = WorkflowStage(step("a"), step("b", after=["a"]))
    refused = refuse_once(stage.operator)
    stage.end("a")
    stage.operator.wait(60)
    assert refused
    assert (stage.phase, stage.status["reason"]) == (WorkflowPhase.FAILED, "StatusTooLarge")
    assert "Map over shorter lists" in stage.status["message"]
    assert stage.tasks() == []


def test_a_retry_that_cannot_record_what_it_takes_over_ends() -> None:
    stage = WorkflowStage(step("a"), step("b"))
    stage.end("a")
    stage.end("b", None)
    refused = refuse_once(stage.operator)
    again = stage.retry("again")
    stage.operator.wait(60)
    assert refused
    assert (again.phase, again.status["reason"]) == (WorkflowPhase.FAILED, "NotRetryable")
    assert "no room to record what it takes over of flow" in again.status["message"]


def test_of_items_that_failed_together_the_first_is_named() -> None:
    """It was any of them, and another one with each leader."""
    stage = WorkflowStage(step("map", map={"list": "list"}), lists=[mapped(30)])
    for task in reversed(stage.tasks()):
        stage.end(task, None, deliver=False)
    stage.deliver()
    assert stage.status["message"].startswith("map: 30 of 30 failed. flow-map-00000 is Failed")


def test_another_leader_says_how_many_failed_once() -> None:
    """What was stored of the step was taken for what its task said, and counted again."""
    stage = WorkflowStage(
        step("map", map={"list": "list"}), step("clean", after=["map"], runs="Always"), lists=[mapped(2)]
    )
    for task in stage.tasks():
        stage.end(task, None)
    said = stage.status["steps"]["map"]["message"]
    stage.operator.lead()
    stage.operator.drain()
    stage.end("clean")
    assert stage.status["message"] == f"map: {said}"
    assert said.startswith("2 of 2 failed. flow-map-0000")
