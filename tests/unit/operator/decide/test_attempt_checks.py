"""How long the pod of an attempt may take to start, and how long it may go on once the attempt has ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from djangotasks_api.models import Backoff, Policy, TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import DeletePod, Wait, WriteStatus
from djangotasks_operator.decide.attempt_checks import ENDED_DELETION, grace_end
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.status import endings
from tests.support.builders import (
    at,
    make_attempt,
    make_job,
    make_pod,
    make_snapshot,
    make_task,
    make_terminated,
)
from tests.unit.operator.decide.situations import JOB

SUCCESS = Outcome(started_at=at(0).isoformat(), finished_at=at(10).isoformat(), result="1")
FAILURE = Outcome(started_at=at(0).isoformat(), finished_at=at(10).isoformat(), reason=Reason.TASK_ERROR)


@pytest.mark.parametrize("outcome", [SUCCESS, FAILURE], ids=["success", "failure"])
@pytest.mark.parametrize("max_attempts", [1, 2])
def test_a_pod_has_its_grace_from_when_its_late_outcome_was_recorded(outcome: Outcome, max_attempts: int) -> None:
    """The grace time of 30 s begins when the outcome is recorded, 600 s after the task ended."""
    task = make_task(policy=Policy(max_attempts=max_attempts, backoff=Backoff(initial_seconds=0)))
    before = make_snapshot(task, jobs=(make_job(),), pods=(make_pod(running_since=at(0)),))
    status = endings.with_outcome(task.metadata.name, task.status, outcome, before.limits, at(610))
    after = make_snapshot(
        make_task(policy=task.spec.policy, status=status), jobs=(make_job(),), pods=(make_pod(running_since=at(0)),)
    )
    assert decide(after, at(611)) == Wait(at(640))
    assert isinstance(decide(after, at(640)), DeletePod)


@pytest.mark.parametrize(
    ("seconds", "decision"),
    [
        (30, Wait()),
        (60, Wait()),
        # It was being stopped, with a grace period of a day, when its outcome came.
        (86_400, DeletePod),
    ],
)
def test_a_pod_that_goes_on_after_its_outcome_has_no_day_to_end(seconds: int, decision: Any) -> None:
    """Its task holds no place of the queue any more: such pods would be as many as their tasks like."""
    status = endings.with_outcome("receipt", make_task().status, SUCCESS, make_snapshot().limits, at(10))
    pod = make_pod(running_since=at(0))
    snapshot = make_snapshot(make_task(status=status), jobs=(make_job(),), pods=(pod,))
    assert decide(snapshot, at(40)) == DeletePod(pod, ENDED_DELETION)
    stopping = make_pod(running_since=at(0), deletes_by=at(40 + seconds))
    found = decide(make_snapshot(make_task(status=status), jobs=(make_job(),), pods=(stopping,)), at(40))
    assert found == (DeletePod(stopping, ENDED_DELETION) if decision is DeletePod else decision)


def test_the_sidecars_of_an_ended_task_have_their_own_grace_period() -> None:
    status = endings.with_outcome("receipt", make_task().status, SUCCESS, make_snapshot().limits, at(10))
    pod = make_pod(phase="Running", terminated=make_terminated(0, finished_at=at(11)), sidecars=True)
    snapshot = make_snapshot(make_task(status=status), jobs=(make_job(),), pods=(pod,))
    assert decide(snapshot, at(60)) == DeletePod(pod)


@pytest.mark.parametrize(
    ("sidecars", "deletes_by", "decision"),
    [
        (True, None, DeletePod),
        # A native one, which the kubelet is to end.
        (False, None, Wait),
        # Somebody deleted the pod, with a grace period of an hour.
        (True, at(3600), DeletePod),
        (False, at(3600), Wait),
        (True, at(90), Wait),
    ],
)
def test_a_retry_does_not_wait_for_the_grace_period_of_sidecars(
    sidecars: bool, deletes_by: datetime | None, decision: type[Wait | DeletePod]
) -> None:
    """One that ignores SIGTERM, in a template with the grace period of a long-running worker."""
    task = make_task(policy=Policy(max_attempts=2))
    status = endings.with_outcome("receipt", task.status, FAILURE, make_snapshot(task).limits, at(10))
    assert status.phase is Phase.RETRYING
    ended = make_terminated(1, finished_at=at(11))
    pod = make_pod(phase="Running", terminated=ended, sidecars=sidecars, deletes_by=deletes_by)
    snapshot = make_snapshot(make_task(policy=task.spec.policy, status=status), jobs=(make_job(),), pods=(pod,))
    found = decide(snapshot, at(60))
    assert found == DeletePod(pod, ENDED_DELETION) if decision is DeletePod else isinstance(found, Wait)


@pytest.mark.parametrize(("own", "grace"), [(1, None), (30, None), (31, ENDED_DELETION), (None, ENDED_DELETION)])
def test_a_grace_period_is_shortened_and_not_lengthened(own: int | None, grace: timedelta | None) -> None:
    status = endings.with_outcome("receipt", make_task().status, SUCCESS, make_snapshot().limits, at(10))
    pod = make_pod(running_since=at(0), grace_seconds=own)
    snapshot = make_snapshot(make_task(status=status), jobs=(make_job(),), pods=(pod,))
    assert decide(snapshot, at(40)) == DeletePod(pod, grace)


def test_an_exited_container_is_left_to_the_kubelet_for_long() -> None:
    """Busy nodes take a while to call the pod ended, and its log goes with it."""
    limits = make_snapshot(make_task()).limits
    status = endings.with_outcome("receipt", make_task().status, SUCCESS, limits, at(10))
    pod = make_pod(phase="Running", terminated=make_terminated(0, finished_at=at(11)))
    snapshot = make_snapshot(make_task(status=status), jobs=(make_job(),), pods=(pod,))
    assert decide(snapshot, at(60)) == Wait(at(310))
    assert isinstance(decide(snapshot, at(310)), DeletePod)


CASES = [
    ("an outcome that was recorded late", {"recorded_at": at(600)}, {"running_since": at(-60)}, at(630)),
    ("an end by a clock that is ahead", {"finished_at": at(9000), "recorded_at": at(10)}, {"running_since": at(-60)}, at(40)),
    ("an end that was recorded by an older version", {"recorded_at": None}, {"running_since": at(-60)}, at(30)),
    ("an exited container", {"recorded_at": at(10)}, {"terminated": make_terminated(finished_at=at(1))}, at(310)),
    ("an exited container with a sidecar", {"recorded_at": at(10)},
     {"terminated": make_terminated(finished_at=at(1)), "sidecars": True}, at(6)),
]  # fmt: skip


@pytest.mark.parametrize(("attempt", "pod", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_grace_ends_by_the_operators_clock(attempt: Any, pod: Any, expected: datetime) -> None:
    ended = make_attempt(**({"finished_at": at(0)} | attempt))
    assert grace_end(ended, ended.finished_at or at(0), make_pod(**pod)) == expected


def test_a_node_that_dies_while_pods_come_to_it_has_interrupted_them() -> None:
    """The scheduler gives a node pods until it is called NotReady, and Kubernetes gives them up after the start
    timeout: each of these tasks failed without having run."""
    never_taken = make_pod(created_at=at(-300), scheduled_at=at(-299))
    action = decide(make_snapshot(jobs=JOB, pods=(never_taken,)), at(0))
    assert isinstance(action, WriteStatus)
    assert (action.status.reason, action.status.attempts[0].reason) == (Reason.NODE_LOST, Reason.NODE_LOST)
    assert (action.status.message or "").endswith("within 300 s. Its node has not taken it: see the node.")

    # It says what to do while it waits for the pod, once.
    stuck = make_snapshot(make_task(status=action.status), jobs=JOB, pods=(make_pod(deletes_by=at(30)),))
    action = decide(stuck, at(50))
    assert isinstance(action, WriteStatus)
    assert "node.kubernetes.io/out-of-service" in (action.status.message or "")
    assert decide(replace(stuck, task=make_task(status=action.status)), at(51)) == Wait()

    gone = make_snapshot(make_task(status=action.status), jobs=JOB, lost=frozenset({1}))
    action = decide(gone, at(60))
    assert isinstance(action, WriteStatus)
    assert (action.status.phase, action.status.interruptions) == (Phase.RETRYING, 1)
    assert "has not taken it" in (action.status.attempts[0].message or "")


@pytest.mark.parametrize(
    ("stopped_for", "pods", "reason"),
    [
        (Reason.START_TIMEOUT, (), Reason.NODE_LOST),
        (Reason.START_TIMEOUT, (make_pod(phase="Failed", disruption="DeletionByPodGC"),), Reason.NODE_LOST),
        # The kubelet has said what was wrong with the pod.
        (Reason.IMAGE_PULL_FAILED, (), Reason.IMAGE_PULL_FAILED),
        (Reason.DEADLINE_EXCEEDED, (), Reason.DEADLINE_EXCEEDED),
    ],
)
def test_a_start_that_a_lost_node_was_late_with_is_no_failure(
    stopped_for: Reason, pods: tuple[Pod, ...], reason: Reason
) -> None:
    attempt = make_attempt(reason=stopped_for, message="late")
    status = TaskStatus(phase=Phase.STARTING, reason=Reason.NODE_LOST, attempts=[attempt])
    action = decide(make_snapshot(make_task(status=status), jobs=JOB, pods=pods, lost=frozenset({1})), at(0))
    assert isinstance(action, WriteStatus)
    assert action.status.attempts[0].reason == reason
    assert action.status.interruptions == (reason is Reason.NODE_LOST)
