"""A task that nobody wants any more once its time has passed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from djangotasks_api.models import TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import Action, AwaitAdmission, Start, Wait, WriteStatus
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.decide.snapshot import Snapshot
from tests.support.builders import NOW, at, make_attempt, make_job, make_pod, make_snapshot, make_task

SOON, PAST = at(5), at(-1)
STARTING = TaskStatus(phase=Phase.STARTING, attempts=[make_attempt()])
RUNNING = TaskStatus(phase=Phase.RUNNING, attempts=[make_attempt(started_at=at(-10))], started_at=at(-10))
RAN_ONCE = TaskStatus(
    phase=Phase.RETRYING,
    attempts=[make_attempt(started_at=at(-20), finished_at=at(-10), reason=Reason.TASK_ERROR)],
    started_at=at(-20),
    next_attempt_at=at(3),
)
NO_QUEUE = TaskStatus(reason=Reason.QUEUE_NOT_FOUND)
JOB, PENDING = (make_job(),), (make_pod(),)

BEFORE: list[tuple[str, Snapshot, Action]] = [
    ("it waits for a place", make_snapshot(make_task(expires_at=SOON)), AwaitAdmission(SOON)),
    ("it starts", make_snapshot(make_task(expires_at=SOON), admitted=True), Start(1)),
    ("it is due later", make_snapshot(make_task(expires_at=SOON, run_after=at(9))), Wait(SOON)),
    ("it is due before", make_snapshot(make_task(expires_at=SOON, run_after=at(2))), Wait(at(2))),
    ("there is no queue", make_snapshot(make_task(expires_at=SOON, status=NO_QUEUE), queue=None), Wait(SOON)),
    ("its pod is pending", make_snapshot(make_task(expires_at=SOON), jobs=JOB, pods=PENDING), Wait(SOON)),
    ("it is slow to start", make_snapshot(make_task(expires_at=SOON, status=STARTING), jobs=JOB, pods=PENDING), Wait(SOON)),
    ("it ran, and is to be tried again", make_snapshot(make_task(expires_at=PAST, status=RAN_ONCE)), Wait(at(3))),
    ("it runs", make_snapshot(make_task(expires_at=PAST, status=RUNNING), jobs=JOB, pods=(make_pod(running_since=at(-9)),)),
     Wait()),
]  # fmt: skip


@pytest.mark.parametrize(("snapshot", "decision"), [case[1:] for case in BEFORE], ids=[case[0] for case in BEFORE])
def test_not_expired(snapshot: Snapshot, decision: Action) -> None:
    assert decide(snapshot, NOW) == decision


@pytest.mark.parametrize(
    "snapshot",
    [
        make_snapshot(make_task(expires_at=PAST)),
        make_snapshot(make_task(expires_at=PAST), admitted=True),
        make_snapshot(make_task(expires_at=PAST, run_after=at(9))),
        make_snapshot(make_task(expires_at=PAST, status=NO_QUEUE), queue=None),
    ],
)
def test_expired(snapshot: Snapshot) -> None:
    decision = decide(snapshot, NOW)
    assert isinstance(decision, WriteStatus)
    status = decision.status
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.EXPIRED)
    assert status.message == "The task had not started by 2026-11-23T11:59:59+00:00, when it expired."


def test_a_pod_that_did_not_start_in_time_is_stopped_first() -> None:
    task = make_task(expires_at=PAST, status=STARTING)
    decision = decide(make_snapshot(task, jobs=JOB, pods=PENDING), NOW)
    assert isinstance(decision, WriteStatus)
    assert (decision.status.phase, decision.status.attempts[0].reason) == (Phase.STARTING, Reason.EXPIRED)
    # And once it is gone, no other attempt is made.
    task = make_task(expires_at=PAST, status=decision.status)
    decision = decide(make_snapshot(task, jobs=JOB, lost=frozenset({1})), NOW + timedelta(seconds=1))
    assert isinstance(decision, WriteStatus)
    assert (decision.status.phase, decision.status.reason) == (Phase.FAILED, Reason.EXPIRED)
