"""Nodes whose clocks are wrong, and pods that lie, cost tasks neither their time to run nor their results."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from djangotasks_api.models import Policy
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.reports import ProgressReport
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.recorder import Stale
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, NOW, at, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run

SKEWS = [-25 * 3600, -3600, -120, -5, 0, 5, 120, 3600, 86400 * 365 * 500]
ATTEMPT = AttemptRef(Key(NAMESPACE, "receipt"), "", 1)


def started(policy: Policy) -> tuple[InMemoryOperator, AttemptRef]:
    """An operator with a task whose pod was made 4 minutes ago, as one with a large image is."""
    operator = make_operator()
    operator.put_queue()
    operator.put_task(make_task(policy=policy))
    operator.drain()
    operator.wait(240)
    task = operator.store.task(Key(NAMESPACE, "receipt"))
    assert task is not None
    return operator, ATTEMPT._replace(uid=task.metadata.uid)


def clock(operator: InMemoryOperator, skew: float, seconds: float = 0) -> datetime:
    """What the node's clock shows, `seconds` from now."""
    return operator.clock.now + timedelta(seconds=skew + seconds)


def text(time: datetime) -> str:
    return time.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def kubelet(operator: InMemoryOperator, skew: float, state: dict[str, Any], phase: str = "Running") -> None:
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": text(NOW)}
    status = {
        "phase": phase,
        "startTime": text(NOW + timedelta(seconds=1 + skew)),
        "conditions": [scheduled],
        "containerStatuses": [{"name": "task", "state": state}],
    }
    operator.set_pod_status("receipt-1", status)
    operator.drain()


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("heard", ["the kubelet", "a report", "progress"])
def test_a_timeout_is_as_long_as_it_is_whatever_the_nodes_clock_shows(skew: float, heard: str) -> None:
    operator, attempt = started(Policy(timeout_seconds=60, start_timeout_seconds=600))
    kubelet(operator, skew, {"waiting": {"reason": "ContainerCreating"}}, "Pending")
    if heard == "the kubelet":
        kubelet(operator, skew, {"running": {"startedAt": text(clock(operator, skew))}})
    elif heard == "a report":
        run(operator.recorder.write_start(attempt, clock(operator, skew)))
    else:
        report = ProgressReport(started_at=clock(operator, skew).isoformat(), done=1)
        run(operator.recorder.write_progress(attempt, report))
    operator.drain()
    for _ in range(5):
        operator.wait(10)
        assert operator.status().phase is not Phase.FAILED
        assert operator.status().reason is not Reason.DEADLINE_EXCEEDED, "it has run for less than its timeout"
    operator.wait(15)
    operator.wait(5)
    assert "deletionTimestamp" in operator.server.get("pods", "receipt-1")["metadata"], "it may not run on"


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("heard", ["a report", "the kubelet"])
def test_a_result_can_be_read_for_its_ttl_whatever_the_nodes_clock_shows(skew: float, heard: str) -> None:
    operator, attempt = started(Policy(ttl_seconds_after_finished=300, max_attempts=1))
    if heard == "a report":
        times = clock(operator, skew, -5).isoformat(), clock(operator, skew).isoformat()
        run(operator.recorder.outcome(attempt, Outcome(started_at=times[0], finished_at=times[1], result="1")))
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": text(clock(operator, skew))}}
    kubelet(operator, skew, ended, "Failed")
    status = operator.status()
    assert status.phase is (Phase.SUCCEEDED if heard == "a report" else Phase.FAILED)
    assert status.finished_at is not None
    assert at(0) <= status.finished_at <= operator.clock.now
    operator.wait(290)
    assert operator.names("djangotasks") == ["receipt"]
    operator.wait(20)
    assert operator.names("djangotasks") == []


def test_a_result_that_came_late_can_be_read_for_its_ttl() -> None:
    """Since it is there, and not since the container ended."""
    operator, attempt = started(Policy(ttl_seconds_after_finished=60))
    finished_at = operator.clock.now
    operator.wait(600)
    outcome = Outcome(started_at=None, finished_at=finished_at.isoformat(), result="1")
    run(operator.recorder.outcome(attempt, outcome))
    operator.wait(50)
    assert operator.names("djangotasks") == ["receipt"]


def test_a_pod_that_runs_on_after_its_outcome_is_stopped_whatever_it_says() -> None:
    operator, attempt = started(Policy())
    outcome = Outcome(started_at=None, finished_at="2999-12-31T00:00:00+00:00", result="1")
    run(operator.recorder.outcome(attempt, outcome))
    operator.drain()
    operator.wait(40)
    assert "deletionTimestamp" in operator.server.get("pods", "receipt-1")["metadata"]


@pytest.mark.parametrize(
    "finished_at", ["2026-11-23T12:03:00+00:00", "2999-01-01T00:00:00+00:00", "1970-01-01T00:00:00Z"]
)
def test_an_outcome_that_is_repeated_is_known_again(finished_at: str) -> None:
    operator, attempt = started(Policy())
    outcome = Outcome(started_at=None, finished_at=finished_at, result="1")
    run(operator.recorder.outcome(attempt, outcome))
    operator.wait(7)
    run(operator.recorder.outcome(attempt, outcome))
    with pytest.raises(Stale, match="another result"):
        run(operator.recorder.outcome(attempt, Outcome(started_at=None, finished_at=finished_at, result="2")))
    assert operator.status().result == "1"


def test_a_result_that_etcd_does_not_store_is_too_large() -> None:
    """Once, and not again for a quarter of an hour."""
    operator, attempt = started(Policy(max_attempts=3))
    seen: list[str] = []

    def judge(request: str) -> None:
        if request == "patch djangotasks receipt":
            seen.append(request)
            if len(seen) == 1:
                raise ApiError(500, {"message": "etcdserver: request is too large"})

    operator.api.before_request = judge
    result = Outcome(started_at=None, finished_at=operator.clock.now.isoformat(), result="<" * 1000)
    run(operator.recorder.outcome(attempt, result))
    status = operator.status()
    assert (status.phase, status.reason, len(seen)) == (Phase.FAILED, Reason.RESULT_TOO_LARGE, 2)
    assert "STORAGE" in (status.message or "")
