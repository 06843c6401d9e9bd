"""A workflow that comes from a backup waits for a person: it may have run, and its status is missing."""

from __future__ import annotations

import pytest

from djangotasks_api.names import RESTORED_LABELS, WORKFLOW_PLURAL
from djangotasks_api.workflow.records import WorkflowPhase
from tests.unit.operator.workflow_stage import NAME, WorkflowStage, step


def restored(label: str = RESTORED_LABELS[0]) -> WorkflowStage:
    stage = WorkflowStage(step("a"), step("b", after=["a"]), step("clean", runs="Always"), labels={label: "monday"})
    stage.operator.wait(10)
    return stage


@pytest.mark.parametrize("label", RESTORED_LABELS)
def test_it_runs_nothing_and_says_how_to_run_it(label: str) -> None:
    stage = restored(label)
    assert (stage.tasks(), stage.phase, stage.status["reason"]) == ([], WorkflowPhase.PENDING, "Restored")
    assert f"kubectl label djangotaskworkflow {NAME} {label}-" in stage.status["message"]
    version = stage.operator.server.get(WORKFLOW_PLURAL, NAME)["metadata"]["resourceVersion"]
    stage.operator.wait(60)
    assert stage.operator.server.get(WORKFLOW_PLURAL, NAME)["metadata"]["resourceVersion"] == version


def test_without_the_label_it_runs() -> None:
    stage = restored()
    stage.operator.server.update(WORKFLOW_PLURAL, NAME, {"metadata": {"labels": {RESTORED_LABELS[0]: None}}})
    stage.deliver()
    assert stage.tasks() == ["a", "clean"]
    assert stage.status.get("reason") is None


def test_one_that_had_ended_stays_so() -> None:
    """Its status is written a moment after it was created."""
    stage = WorkflowStage(step("a"), labels={RESTORED_LABELS[0]: "monday"})
    status = {"phase": "Succeeded", "finishedAt": stage.operator.clock.stamp()}
    stage.operator.server.update(WORKFLOW_PLURAL, NAME, {"status": status})
    stage.deliver()
    stage.operator.wait(60)
    assert (stage.phase, stage.status.get("reason"), stage.tasks()) == (WorkflowPhase.SUCCEEDED, None, [])


def test_one_that_has_run_too_long_ends() -> None:
    """Its status, with the time at which it started, was restored as well."""
    labels = {RESTORED_LABELS[0]: "monday"}
    stage = WorkflowStage(step("a"), step("clean", runs="Always"), labels=labels, policy={"timeoutSeconds": 600})
    started = {"phase": "Running", "startedAt": stage.operator.clock.stamp()}
    stage.operator.server.update(WORKFLOW_PLURAL, NAME, {"status": started})
    stage.deliver()
    stage.operator.wait(60)
    assert (stage.tasks(), stage.status["reason"]) == ([], "Restored")
    stage.operator.wait(600)
    assert stage.tasks() == ["clean"]
    stage.end("clean")
    assert (stage.phase, stage.status["reason"]) == (WorkflowPhase.FAILED, "DeadlineExceeded")


def test_one_that_is_cancelled_ends() -> None:
    stage = restored()
    stage.operator.server.update(WORKFLOW_PLURAL, NAME, {"spec": {"cancel": True}})
    stage.deliver()
    assert stage.tasks() == ["clean"]
    stage.end("clean")
    assert stage.phase is WorkflowPhase.CANCELLED
