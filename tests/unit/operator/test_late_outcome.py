"""An outcome that was offered for long before somebody took it: the pod exits only then, and is to do so in peace."""

from __future__ import annotations

import pytest

from djangotasks_api.models import Backoff, Policy
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_operator import transitions
from djangotasks_operator.decide import decide
from djangotasks_operator.decisions import DeletePod, Wait
from tests.support.builders import at, make_job, make_pod, make_snapshot, make_task, make_terminated

SUCCESS = Outcome(started_at=at(0).isoformat(), finished_at=at(10).isoformat(), result="1")
FAILURE = Outcome(started_at=at(0).isoformat(), finished_at=at(10).isoformat(), reason=Reason.TASK_ERROR)


@pytest.mark.parametrize("outcome", [SUCCESS, FAILURE], ids=["success", "failure"])
@pytest.mark.parametrize("max_attempts", [1, 2])
def test_the_pod_may_exit_after_it_was_heard(outcome: Outcome, max_attempts: int) -> None:
    """The grace time of 30 s begins when the outcome is recorded, 600 s after the task ended."""
    task = make_task(policy=Policy(max_attempts=max_attempts, backoff=Backoff(initial_seconds=0)))
    before = make_snapshot(task, jobs=(make_job(),), pods=(make_pod(running_since=at(0)),))
    status = transitions.with_outcome(task.metadata.name, task.status, outcome, before.limits, at(610))
    after = make_snapshot(
        make_task(policy=task.spec.policy, status=status), jobs=(make_job(),), pods=(make_pod(running_since=at(0)),)
    )
    assert decide(after, at(611)) == Wait(at(640))
    assert isinstance(decide(after, at(640)), DeletePod)


def test_a_pod_whose_only_container_has_ended_is_left_to_the_kubelet() -> None:
    """Busy nodes take a while to call the pod ended, and its log goes with it."""
    limits = make_snapshot(make_task()).limits
    status = transitions.with_outcome("receipt", make_task().status, SUCCESS, limits, at(10))
    pod = make_pod(phase="Running", terminated=make_terminated(0, finished_at=at(11)))
    snapshot = make_snapshot(make_task(status=status), jobs=(make_job(),), pods=(pod,))
    assert decide(snapshot, at(60)) == Wait(at(310))
    assert isinstance(decide(snapshot, at(310)), DeletePod)
