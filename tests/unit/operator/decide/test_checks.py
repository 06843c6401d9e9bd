"""What the operator does next, case by case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from djangotasks_api.models import Policy, TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import (
    Action,
    AwaitAdmission,
    DeletePod,
    DeleteTask,
    FinishJob,
    Start,
    Wait,
    WriteStatus,
)
from djangotasks_operator.decide.attempt_checks import DELETION_STUCK, ENDED_DELETION
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.status import transitions
from tests.support.builders import (
    NOW,
    at,
    make_attempt,
    make_job,
    make_pod,
    make_snapshot,
    make_task,
    make_terminated,
)
from tests.unit.operator.decide.situations import (
    ALIVE,
    FAILED_ONCE,
    JOB,
    RUNNING,
    STOPPING,
    SUCCEEDED,
)

WAITS: list[tuple[str, Snapshot, Action]] = [
    ("a new task waits for its place", make_snapshot(), AwaitAdmission()),
    ("an admitted task starts", make_snapshot(admitted=True), Start(1)),
    ("run_after holds it", make_snapshot(make_task(run_after=at(5)), admitted=True), Wait(at(5))),
    ("run_after that is past does not", make_snapshot(make_task(run_after=at(-5))), AwaitAdmission()),
    ("the backoff holds it", make_snapshot(make_task(status=FAILED_ONCE.model_copy(update={"next_attempt_at": at(3)}))), Wait(at(3))),
    ("after the backoff it waits for its place", make_snapshot(make_task(status=FAILED_ONCE)), AwaitAdmission()),
    ("the second attempt is called so", make_snapshot(make_task(status=FAILED_ONCE), admitted=True), Start(2)),
    ("a finished task says nothing of a pod that does not go away",
     make_snapshot(make_task(status=SUCCEEDED), pods=(make_pod(running_since=at(-99), deletes_by=at(-20)),)), Wait()),
    ("the next attempt waits for the last one's pod",
     make_snapshot(make_task(status=FAILED_ONCE), pods=(make_pod(running_since=at(-99), deletes_by=at(30)),), admitted=True),
     Wait(at(50))),
    ("a deleted task is left to the garbage collector", make_snapshot(make_task(deleting=True), admitted=True), Wait()),
    ("a missing queue that is shown is waited for",
     make_snapshot(make_task(status=TaskStatus(reason=Reason.QUEUE_NOT_FOUND)), queue=None), Wait()),
    ("a Job without its Pod waits as a task without one does", make_snapshot(jobs=JOB), AwaitAdmission()),
    ("a Job without its Pod is completed once the task is admitted", make_snapshot(jobs=JOB, admitted=True), Start(1)),
    ("a pod that has just been made is given time", make_snapshot(jobs=JOB, pods=(make_pod(),)), Wait(at(9))),
    ("a container whose start was not reported yet is checked when its time is over",
     make_snapshot(make_task(policy=Policy(timeout_seconds=3)), jobs=JOB, pods=(make_pod(running_since=at(-1)),)), Wait(at(2))),
    ("a running task is waited for", make_snapshot(make_task(status=RUNNING), jobs=JOB, pods=(ALIVE,)), Wait()),
    ("a start that was reported is not taken back because the kubelet is slow to report it",
     make_snapshot(make_task(status=RUNNING), jobs=JOB, pods=(make_pod(created_at=at(-10)),)), Wait()),
    ("a running task is waited for until its deadline",
     make_snapshot(make_task(status=RUNNING, policy=Policy(timeout_seconds=30)), jobs=JOB, pods=(ALIVE,)), Wait(at(20))),
    ("a pod that is being deleted is waited for",
     make_snapshot(make_task(status=RUNNING), jobs=JOB, pods=(make_pod(running_since=at(-10), deleting=True),)), Wait(at(50))),
    ("a pod that does not go away is reported once",
     make_snapshot(make_task(status=transitions.pod_deletion_stuck(RUNNING, Reason.NODE_LOST, DELETION_STUCK)), jobs=JOB,
                   pods=(make_pod(running_since=at(-99), deletes_by=at(-99)),)), Wait()),
    ("a stopping attempt's pod is deleted",
     make_snapshot(make_task(status=STOPPING), jobs=JOB, pods=(ALIVE,)), DeletePod(ALIVE)),
    ("a cancelled task's pod is deleted",
     make_snapshot(make_task(status=RUNNING, cancel=True), jobs=JOB, pods=(ALIVE,)), DeletePod(ALIVE)),
    ("a finished task's Job is finished when the pod has ended",
     make_snapshot(make_task(status=SUCCEEDED), jobs=JOB, pods=(make_pod(exit_code=0),)),
     FinishJob(JOB[0], SUCCEEDED.attempts[0])),
    ("a finished task's pod is given time to end",
     make_snapshot(make_task(status=SUCCEEDED), jobs=JOB, pods=(ALIVE,)), Wait(at(20))),
    ("a pod that outlives its outcome for too long is deleted",
     make_snapshot(make_task(status=SUCCEEDED.model_copy(update={"attempts": [make_attempt(finished_at=at(-31))]})),
                   jobs=JOB, pods=(ALIVE,)), DeletePod(ALIVE, ENDED_DELETION)),
    ("a finished attempt's Job comes before the next attempt",
     make_snapshot(make_task(status=FAILED_ONCE), jobs=JOB, pods=(make_pod(exit_code=1),), admitted=True),
     FinishJob(JOB[0], FAILED_ONCE.attempts[0])),
    ("no attempt starts while the last one's pod lives",
     make_snapshot(make_task(status=FAILED_ONCE), jobs=JOB, pods=(ALIVE,), admitted=True), Wait(at(24))),
    ("a finished task is kept, and deleted when its time is over",
     make_snapshot(make_task(status=SUCCEEDED, policy=Policy(ttl_seconds_after_finished=60)),
                   jobs=(make_job(finished=True),)), DeleteTask(at(50))),
    ("a ttl of 0 deletes at once",
     make_snapshot(make_task(status=SUCCEEDED, policy=Policy(ttl_seconds_after_finished=0))), DeleteTask(at(-10))),
    ("one finished task too many is deleted at once",
     make_snapshot(make_task(status=SUCCEEDED), jobs=(make_job(finished=True),), surplus=True), DeleteTask(at(-10))),
    ("but not before its pod has ended",
     make_snapshot(make_task(status=SUCCEEDED), jobs=JOB, pods=(ALIVE,), surplus=True), Wait(at(20))),
    ("nor before its Job is finished",
     make_snapshot(make_task(status=SUCCEEDED), jobs=JOB, pods=(make_pod(exit_code=0),), surplus=True),
     FinishJob(JOB[0], SUCCEEDED.attempts[0])),
]  # fmt: skip


@pytest.mark.parametrize(("snapshot", "expected"), [case[1:] for case in WAITS], ids=[case[0] for case in WAITS])
def test_a_snapshot_has_one_next_action(snapshot: Snapshot, expected: Action) -> None:
    assert decide(snapshot, NOW) == expected


def test_a_sidecar_delays_no_ending() -> None:
    pod = make_pod(phase="Running", sidecars=True, terminated=make_terminated(0, finished_at=at(-6)))
    snapshot = make_snapshot(make_task(status=SUCCEEDED), jobs=JOB, pods=(pod,))
    assert decide(snapshot, NOW) == DeletePod(pod)
    assert decide(snapshot, at(-2)) == Wait(at(-1))


def test_a_status_that_is_terminal_never_moves() -> None:
    for phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED):
        status = SUCCEEDED.model_copy(update={"phase": phase})
        for pods in ((), (make_pod(exit_code=1),), (ALIVE,), (make_pod(exit_code=143, deleting=True),)):
            for jobs in ((), JOB):
                for cancel in (False, True):
                    snapshot = make_snapshot(
                        make_task(status=status, cancel=cancel), jobs=jobs, pods=pods, admitted=True
                    )
                    assert not isinstance(decide(snapshot, NOW), WriteStatus | Start | AwaitAdmission)


@pytest.mark.parametrize(("spec", "expected"), [({"schedule": "nightly", "scheduled_for": NOW}, at(50)), ({}, at(-10))])
def test_a_schedules_task_is_kept_for_a_minute(spec: dict[str, Any], expected: datetime) -> None:
    """It ended ten seconds ago, and has no TTL."""
    task = make_task(status=SUCCEEDED, policy=Policy(ttl_seconds_after_finished=0), **spec)
    assert decide(make_snapshot(task), NOW) == DeleteTask(expected)
    assert decide(make_snapshot(task, surplus=True), NOW) == DeleteTask(expected)


def test_a_task_that_its_schedule_does_not_have_is_held() -> None:
    assert decide(make_snapshot(make_task(status=SUCCEEDED), held=True), NOW) == Wait(at(10))
