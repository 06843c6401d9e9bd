"""The status that the operator writes next, case by case."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from djangotasks_api.models import Policy, TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import (
    Wait,
    WriteStatus,
    WriteStatusLater,
)
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.decide.snapshot import Snapshot
from tests.support.builders import (
    NOW,
    at,
    make_attempt,
    make_pod,
    make_reported,
    make_snapshot,
    make_task,
    make_terminated,
    make_waiting,
)
from tests.unit.operator.decide.situations import (
    ALIVE,
    FAILED_ONCE,
    JOB,
    RUNNING,
    STARTING,
    STOPPING,
    SUCCESS,
)

IMAGE = make_pod(waiting=make_waiting("ErrImagePull"))
OLD_IMAGE = make_pod(waiting=make_waiting("ImagePullBackOff"), created_at=at(-300))
WRITES: list[tuple[str, Snapshot, dict[str, Any]]] = [
    ("a missing queue is shown", make_snapshot(queue=None), {"phase": Phase.QUEUED, "reason": Reason.QUEUE_NOT_FOUND}),
    ("a spec that cannot be read fails", make_snapshot(invalid="spec.runAfter: no"),
     {"phase": Phase.FAILED, "reason": Reason.INVALID_SPEC}),
    ("cancelled before it started", make_snapshot(make_task(cancel=True)),
     {"phase": Phase.CANCELLED, "reason": Reason.CANCEL_REQUESTED}),
    ("cancelled when its pod is gone", make_snapshot(make_task(status=RUNNING, cancel=True), jobs=JOB, lost=frozenset({1})),
     {"phase": Phase.CANCELLED, "reason": Reason.CANCEL_REQUESTED}),
    ("cancelled too late: it had succeeded",
     make_snapshot(make_task(status=RUNNING, cancel=True), jobs=JOB,
                   pods=(make_pod(terminated=make_reported(SUCCESS)),)),
     {"phase": Phase.SUCCEEDED, "result": "42"}),
    ("a start that fails is shown at once", make_snapshot(jobs=JOB, pods=(IMAGE,)),
     {"phase": Phase.STARTING, "reason": Reason.IMAGE_PULL_FAILED,
      "message": "ErrImagePull: the kubelet's words"}),
    ("a lost report of a start is made good, at once where the time of the attempt is over",
     make_snapshot(make_task(policy=Policy(timeout_seconds=20)), jobs=JOB, pods=(make_pod(running_since=at(-20)),)),
     {"phase": Phase.RUNNING, "started_at": at(-20)}),
    ("however short that time is",
     make_snapshot(make_task(policy=Policy(timeout_seconds=1)), jobs=JOB, pods=(make_pod(running_since=at(-1)),)),
     {"phase": Phase.RUNNING, "started_at": at(-1)}),
    ("and where heartbeats are counted from it",
     make_snapshot(jobs=JOB, pods=(make_pod(running_since=at(-20), heartbeat_timeout=timedelta(seconds=60)),)),
     {"phase": Phase.RUNNING, "started_at": at(-20), "reason": Reason.NO_REPORT}),
    ("an outcome in the termination message counts",
     make_snapshot(make_task(status=RUNNING), jobs=JOB,
                   pods=(make_pod(terminated=make_reported(SUCCESS)),)),
     {"phase": Phase.SUCCEEDED, "result": "42"}),
    ("exit code 0 alone is no success", make_snapshot(make_task(status=RUNNING), jobs=JOB, pods=(make_pod(exit_code=0),)),
     {"phase": Phase.FAILED, "reason": Reason.PROCESS_EXITED}),
    ("out of memory is called so",
     make_snapshot(make_task(status=RUNNING), jobs=JOB,
                   pods=(make_pod(exit_code=137, terminated=make_terminated(137, reason="OOMKilled")),)),
     {"phase": Phase.FAILED, "reason": Reason.OOM_KILLED}),
    ("an eviction is an interruption",
     make_snapshot(make_task(status=RUNNING), jobs=JOB, pods=(make_pod(exit_code=143, disruption="EvictionByEvictionAPI"),)),
     {"phase": Phase.RETRYING, "reason": Reason.EVICTED, "interruptions": 1, "next_attempt_at": at(1)}),
    ("a deleted pod is an interruption",
     make_snapshot(make_task(status=RUNNING), jobs=JOB, pods=(make_pod(exit_code=143, deleting=True),)),
     {"phase": Phase.RETRYING, "reason": Reason.POD_DELETED, "interruptions": 1}),
    ("a pod that is gone is an interruption", make_snapshot(make_task(status=RUNNING), jobs=JOB, lost=frozenset({1})),
     {"phase": Phase.RETRYING, "reason": Reason.POD_DELETED, "interruptions": 1}),
    ("so is one that went with its node",
     make_snapshot(make_task(status=RUNNING.model_copy(update={"reason": Reason.NODE_LOST})), jobs=JOB, lost=frozenset({1})),
     {"phase": Phase.RETRYING, "reason": Reason.NODE_LOST, "interruptions": 1}),
    ("so is a Job that is gone", make_snapshot(make_task(status=RUNNING), lost=frozenset({1})),
     {"phase": Phase.RETRYING, "reason": Reason.JOB_DELETED, "interruptions": 1}),
    ("and one that is gone before anything was recorded", make_snapshot(lost=frozenset({1})),
     {"phase": Phase.RETRYING, "reason": Reason.JOB_DELETED, "interruptions": 1}),
    ("a pod that does not go away is reported",
     make_snapshot(make_task(status=RUNNING), jobs=JOB, pods=(make_pod(running_since=at(-99), deletes_by=at(-20)),)),
     {"phase": Phase.RUNNING, "reason": Reason.NODE_LOST, "attempts": RUNNING.attempts}),
    ("also when the attempt has failed, and the next one waits for that",
     make_snapshot(make_task(status=FAILED_ONCE), pods=(make_pod(running_since=at(-99), deletes_by=at(-20)),), admitted=True),
     {"phase": Phase.RETRYING, "reason": Reason.NODE_LOST, "attempts": FAILED_ONCE.attempts}),
    ("also when it was cancelled",
     make_snapshot(make_task(status=RUNNING, cancel=True), jobs=JOB, pods=(make_pod(running_since=at(-99), deletes_by=at(-20)),)),
     {"phase": Phase.RUNNING, "reason": Reason.NODE_LOST}),
    ("a stopping attempt fails when its pod is gone",
     make_snapshot(make_task(status=STOPPING), jobs=JOB, lost=frozenset({1})),
     {"phase": Phase.FAILED, "reason": Reason.DEADLINE_EXCEEDED, "message": "too long", "interruptions": 0}),
    ("a stopping attempt fails when its pod has ended",
     make_snapshot(make_task(status=STOPPING), jobs=JOB, pods=(make_pod(exit_code=137, deleting=True),)),
     {"phase": Phase.FAILED, "reason": Reason.DEADLINE_EXCEEDED, "interruptions": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("snapshot", "expected"), [case[1:] for case in WRITES], ids=[case[0] for case in WRITES])
def test_an_action_writes_this_status(snapshot: Snapshot, expected: dict[str, Any]) -> None:
    decision = decide(snapshot, NOW)
    assert isinstance(decision, WriteStatus)
    assert {name: getattr(decision.status, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("snapshot", "phase", "until"),
    [
        (make_snapshot(jobs=JOB, pods=(make_pod(created_at=at(-10)),)), Phase.STARTING, at(290)),
        (
            make_snapshot(make_task(expires_at=at(5)), jobs=JOB, pods=(make_pod(created_at=at(-10)),)),
            Phase.STARTING,
            at(5),
        ),
        (make_snapshot(jobs=JOB, pods=(make_pod(running_since=at(-10)),)), Phase.STARTING, at(10)),
        (make_snapshot(jobs=JOB, pods=(make_pod(running_since=at(-20)),)), Phase.RUNNING, None),
        (
            make_snapshot(
                make_task(policy=Policy(timeout_seconds=30)), jobs=JOB, pods=(make_pod(running_since=at(-20)),)
            ),
            Phase.RUNNING,
            at(10),
        ),
    ],
    ids=["a slow start", "that may expire", "a slow setup", "no report of a start", "with a deadline"],
)
def test_informational_status_is_written_later(snapshot: Snapshot, phase: Phase, until: datetime | None) -> None:
    decision = decide(snapshot, NOW)
    assert isinstance(decision, WriteStatusLater)
    assert (decision.status.phase, decision.until) == (phase, until)


@pytest.mark.parametrize(
    ("snapshot", "reason"),
    [
        (make_snapshot(jobs=JOB, pods=(OLD_IMAGE,)), Reason.IMAGE_PULL_FAILED),
        (make_snapshot(jobs=JOB, pods=(make_pod(created_at=at(-300)),)), Reason.START_TIMEOUT),
        (
            make_snapshot(jobs=JOB, pods=(make_pod(waiting=make_waiting("InvalidImageName")),)),
            Reason.INVALID_IMAGE_NAME,
        ),
        (
            make_snapshot(
                make_task(policy=Policy(start_timeout_seconds=1)), jobs=JOB, pods=(make_pod(unschedulable="no"),)
            ),
            Reason.UNSCHEDULABLE,
        ),
        (
            make_snapshot(make_task(status=RUNNING, policy=Policy(timeout_seconds=10)), jobs=JOB, pods=(ALIVE,)),
            Reason.DEADLINE_EXCEEDED,
        ),
    ],
)
def test_an_attempt_is_recorded_as_stopping_before_its_pod_is_deleted(snapshot: Snapshot, reason: Reason) -> None:
    decision = decide(snapshot, NOW)
    assert isinstance(decision, WriteStatus)
    assert not decision.status.phase.is_terminal
    (attempt,) = decision.status.attempts
    assert (attempt.reason, attempt.finished_at) == (reason, None)


def test_the_same_problem_is_written_once() -> None:
    shown = STARTING.model_copy(update={"reason": Reason.IMAGE_PULL_FAILED})
    for word in ("ErrImagePull", "ImagePullBackOff"):
        pod = make_pod(waiting=make_waiting(word))
        assert decide(make_snapshot(make_task(status=shown), jobs=JOB, pods=(pod,)), NOW) == Wait(at(299))


def test_interruptions_are_bounded() -> None:
    attempts = [make_attempt(n, finished_at=at(-50), reason=Reason.EVICTED) for n in range(1, 11)]
    status = TaskStatus(
        phase=Phase.RUNNING, interruptions=10, attempts=[*attempts, make_attempt(11, started_at=at(-9))]
    )
    decision = decide(make_snapshot(make_task(status=status), lost=frozenset({11})), NOW)
    assert isinstance(decision, WriteStatus)
    assert decision.status.phase is Phase.FAILED
    assert decision.status.reason is Reason.TOO_MANY_INTERRUPTIONS
