"""The rules by which one step runs and ends."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.workflow.graph import Runs, Step
from djangotasks_api.workflow.records import Record, StepPhase, StepReason
from djangotasks_api.workflow.steps import StepState, Verdict, runs, verdict
from tests.unit.crds.workflow.test_ready import indexes

GOOD, BAD, NONE = Verdict.GOOD, Verdict.BAD, Verdict.NONE


def state(phase: StepPhase = StepPhase.PENDING, reason: StepReason | None = None, **step: Any) -> StepState:
    return StepState(0, Step(name="a", **step), Record(phase, reason))


@pytest.mark.parametrize(
    ("when", "verdicts", "expected"),
    [
        (Runs.ON_SUCCESS, [], True),
        (Runs.ON_SUCCESS, [GOOD, GOOD], True),
        (Runs.ON_SUCCESS, [GOOD, NONE], False),
        (Runs.ON_SUCCESS, [GOOD, BAD], False),
        (Runs.ON_FAILURE, [GOOD, BAD], True),
        (Runs.ON_FAILURE, [GOOD, NONE], False),
        (Runs.ALWAYS, [BAD, NONE], True),
    ],
)
def test_whether_a_step_runs(when: Runs, verdicts: list[Verdict], expected: bool) -> None:
    assert runs(when, verdicts) is expected


@pytest.mark.parametrize(
    ("phase", "reason", "step", "maps_over", "expected"),
    [
        (StepPhase.SUCCEEDED, None, {}, False, GOOD),
        (StepPhase.FAILED, StepReason.TASK_FAILED, {}, False, BAD),
        (StepPhase.FAILED, StepReason.TASK_FAILED, {"allow_failure": True}, False, GOOD),
        # It has no list.
        (StepPhase.FAILED, StepReason.TASK_FAILED, {"allow_failure": True}, True, BAD),
        (StepPhase.SKIPPED, StepReason.NOT_NEEDED, {}, False, NONE),
        (StepPhase.SKIPPED, StepReason.UPSTREAM_FAILED, {}, False, BAD),
        (StepPhase.CANCELLED, StepReason.CANCEL_REQUESTED, {}, False, BAD),
    ],
)
def test_what_a_step_means_for_one_that_needs_it(
    phase: StepPhase, reason: StepReason | None, step: dict[str, Any], maps_over: bool, expected: Verdict
) -> None:
    assert verdict(state(phase, reason, **step), maps_over=maps_over) is expected


@pytest.mark.parametrize(
    ("failed", "skipped", "max_failed", "expected"),
    [
        ([], [], 0, (StepPhase.SUCCEEDED, None)),
        ([1], [], 0, (StepPhase.FAILED, StepReason.TASK_FAILED)),
        ([1], [], 1, (StepPhase.SUCCEEDED, None)),
        ([1], [2], 1, (StepPhase.FAILED, StepReason.TASK_FAILED)),
        ([], [2], 0, (StepPhase.SKIPPED, StepReason.UPSTREAM_FAILED)),
    ],
)
def test_how_a_map_ends(failed: list[int], skipped: list[int], max_failed: int, expected: Any) -> None:
    ended = state(max_failed=max_failed)
    ended.record.failed, ended.skipped = indexes(*failed), indexes(*skipped)
    assert ended.result() == expected


@pytest.mark.parametrize(("fail_fast", "doomed"), [(True, True), (False, False)])
def test_a_map_that_has_failed_stops_early_where_it_is_to(fail_fast: bool, doomed: bool) -> None:
    failing = state(fail_fast=fail_fast)
    failing.record.failed = indexes(0)
    assert failing.is_doomed is doomed


def test_a_step_is_decided_once_all_that_it_needs_is_over() -> None:
    step, needed, lane = state(), state(), state()
    step.needs.append(needed)
    assert not step.is_decided
    needed.record.phase = StepPhase.FAILED
    assert (step.is_decided, step.is_reached) == (True, True)
    step.upstream = lane
    assert not step.is_decided
    lane.record.phase = StepPhase.RUNNING
    assert (step.is_decided, step.is_reached) == (True, False)
