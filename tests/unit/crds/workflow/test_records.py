"""What is recorded of steps and workflows."""

from __future__ import annotations

import pytest

from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase, StepReason, TakenOver, WorkflowPhase, step_reason
from tests.unit.crds.workflow.test_ready import indexes


@pytest.mark.parametrize(
    ("phase", "over"),
    [("Pending", False), ("Running", False), ("Succeeded", True), ("Failed", True), ("Cancelled", True), ("Skipped", True)],
)  # fmt: skip
def test_a_step_is_over(phase: str, over: bool) -> None:
    assert StepPhase(phase).is_over is over


@pytest.mark.parametrize(
    ("phase", "terminal"),
    [("Pending", False), ("Running", False), ("Succeeded", True), ("Failed", True), ("Cancelled", True)],
)
def test_a_workflow_has_ended(phase: str, terminal: bool) -> None:
    assert WorkflowPhase(phase).is_terminal is terminal


@pytest.mark.parametrize(
    ("task", "step"),
    [
        ("InputUnavailable", StepReason.INPUT_UNAVAILABLE),
        ("InputTooLarge", StepReason.INPUT_TOO_LARGE),
        ("TaskError", None),
        ("UpstreamFailed", None),
        (None, None),
    ],
)
def test_the_reason_of_a_task_is_that_of_its_step_where_it_has_one(task: str | None, step: StepReason | None) -> None:
    assert step_reason(task) is step


def test_a_copy_changes_nothing_of_its_original() -> None:
    record = Record(completed=indexes(1))
    record.copy().completed.add(2)
    assert 2 not in record.completed


def test_the_tasks_of_a_retry_are_those_of_each_workflow_that_ran_them() -> None:
    before, empty = TakenOver("before", "u1", indexes(0, 1)), TakenOver("empty", "u0", Indexes())
    record = Record(completed=indexes(0, 1, 2), taken_over=(before, empty))
    assert [found and found.workflow for found in map(record.source, range(3))] == ["before", "before", None]
    own, other = record.origins("now", "u2")
    assert (own.workflow, 2 in own.indexes, 0 in own.indexes, other) == ("now", True, False, before)
