"""Records survive the status of a workflow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.models.workflow_status import StepStatus
from djangotasks_api.workflow.bounds import WORKFLOW_TASKS_MAX
from djangotasks_api.workflow.graph import Graph, InvalidGraph, Step
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase, StepReason
from djangotasks_api.workflow.stored import records_of, step_status, step_times

GRAPH = Graph([Step(name="lone"), Step(name="map", items=5)])
SETS = st.sets(st.integers(0, 4))


def kept(fields: dict[str, Any]) -> dict[str, Any]:
    """As the API server has them."""
    return {name: value for name, value in fields.items() if value is not None}


@given(st.sampled_from(StepPhase), st.sampled_from([None, *StepReason]), st.sampled_from([None, 5]), SETS, SETS)
def test_the_record_of_a_map(
    phase: StepPhase, reason: StepReason | None, width: int | None, completed: set[int], failed: set[int]
) -> None:
    sets = (Indexes(completed), Indexes(failed - completed)) if width is not None else (Indexes(), Indexes())
    record = Record(phase, reason, width, *sets)
    assert records_of(GRAPH, {"map": kept(step_status(record, is_map=True))}) == {"map": record}


@pytest.mark.parametrize(
    "record",
    [
        Record(),
        Record(StepPhase.RUNNING, None, 1),
        Record(StepPhase.SUCCEEDED, None, 1, Indexes([0])),
        Record(StepPhase.FAILED, StepReason.TASK_FAILED, 1, Indexes(), Indexes([0])),
        Record(StepPhase.SKIPPED, StepReason.NOT_NEEDED),
        Record(StepPhase.CANCELLED, StepReason.CANCEL_REQUESTED, 1),
    ],
)
def test_the_record_of_another_step(record: Record) -> None:
    assert records_of(GRAPH, {"lone": kept(step_status(record, is_map=False))}) == {"lone": record}


def test_a_word_of_a_newer_operator_is_no_error() -> None:
    assert records_of(GRAPH, {"lone": {"phase": "Skipped", "reason": "SolarFlare"}, "new": {"phase": "Pending"}}) == {
        "lone": Record(StepPhase.SKIPPED)
    }


def test_what_somebody_else_has_written_is_refused() -> None:
    with pytest.raises(InvalidGraph, match="map: its status cannot be read"):
        records_of(GRAPH, {"map": {"phase": "Running", "completedIndexes": "2-1"}})


@pytest.mark.parametrize("run", [1, 2, 3])
def test_whatever_items_of_the_widest_map_fail_its_status_is_accepted(run: int) -> None:
    """A status that is refused is tried again for ever."""
    starts = range(0, WORKFLOW_TASKS_MAX - run, run + 1)
    completed = ",".join(str(at) if run == 1 else f"{at}-{at + run - 1}" for at in starts)
    failed = ",".join(str(at + run) for at in starts)
    status = {"completedIndexes": completed, "failedIndexes": failed}
    assert StepStatus.model_validate(status).completed_indexes == completed


BEGAN = {"startedAt": "then"}
NOW = {"startedAt": "now"}
ENDED = {"finishedAt": "now"}


@pytest.mark.parametrize(
    ("record", "before", "times"),
    [
        (Record(), {}, {}),
        (Record(StepPhase.RUNNING, None, 5), {}, NOW),
        (Record(StepPhase.RUNNING, None, 5), BEGAN, {}),
        (Record(StepPhase.SUCCEEDED, None, 5), BEGAN, ENDED),
        (Record(StepPhase.FAILED, StepReason.TASK_FAILED, 5), BEGAN, ENDED),
        (Record(StepPhase.SUCCEEDED, None, 5), BEGAN | {"finishedAt": "then"}, {}),
        # A map of nothing, or over what is no list, never runs.
        (Record(StepPhase.SUCCEEDED, None, 0), {}, NOW | ENDED),
        (Record(StepPhase.FAILED, StepReason.NOT_A_LIST), {}, NOW | ENDED),
        (Record(StepPhase.SKIPPED, StepReason.NOT_NEEDED), {}, {}),
        (Record(StepPhase.CANCELLED, StepReason.CANCEL_REQUESTED), {}, {}),
        (Record(StepPhase.CANCELLED, StepReason.CANCEL_REQUESTED, 1), BEGAN, ENDED),
    ],
)
def test_when_a_step_began_and_ended(record: Record, before: dict[str, str], times: dict[str, str]) -> None:
    assert step_times(record, before, "now") == times
