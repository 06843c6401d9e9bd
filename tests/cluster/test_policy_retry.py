"""What a task's own policy says of retries, timeouts and expiry, enforced in the cluster."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.tasks import TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from django.utils import timezone
from shop import probes

from django_tasks_kubernetes import Exponential, Fixed, Linear, Retry, exceptions
from tests.support.bell import bell
from tests.support.operator import OperatorProcess
from tests.support.tasks import FINISH_SECONDS, finish, killed_for, status_of, wait_gone, wait_phase, wait_status
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest

AT_ONCE = Fixed(delay=0.1)
LONG = timedelta(hours=1)


def using(task: Any, **options: Any) -> Any:
    return task.using(**options)


def test_every_attempt_is_in_the_result(backend: BaseTaskBackend) -> None:
    result = finish(using(probes.fail_until, retry=Retry(max_attempts=3, backoff=AT_ONCE)).enqueue(3))
    assert (result.status, result.return_value, result.attempts) == (TaskResultStatus.SUCCESSFUL, 3, 3)
    assert result.worker_ids == [f"{result.id}-{n}" for n in (1, 2, 3)]
    assert [error.exception_class for error in result.errors] == [probes.CardDeclined] * 2
    assert ["attempt 1 of 3" in result.errors[0].traceback, "attempt 2 of 3" in result.errors[1].traceback] == [
        True
    ] * 2
    assert result.started_at is not None
    assert result.last_attempted_at is not None
    assert result.started_at < result.last_attempted_at


@pytest.mark.parametrize(
    ("error", "attempts"),
    [("ConnectionRefusedError", 2), ("FileNotFoundError", 1), ("ValueError", 1)],
    ids=["a subclass of on", "a subclass of never", "neither"],
)
def test_which_exceptions_are_tried_again(backend: BaseTaskBackend, error: str, attempts: int) -> None:
    retry = Retry(max_attempts=2, backoff=AT_ONCE, on=(OSError,), never=(FileNotFoundError,))
    result = finish(using(probes.raise_error, retry=retry).enqueue(error))
    assert (result.status, len(result.errors)) == (TaskResultStatus.FAILED, attempts)


@pytest.mark.parametrize(("on", "attempts"), [((exceptions.OutOfMemory,), 2), ((ConnectionError,), 1)])
def test_what_ends_without_an_exception_has_a_class_too(
    backend: BaseTaskBackend, kubectl: Kubectl, on: Any, attempts: int
) -> None:
    result = finish(using(probes.allocate, retry=Retry(max_attempts=2, backoff=AT_ONCE, on=on)).enqueue())
    said = [killed_for(kubectl, f"{result.id}-{number}") for number in range(1, len(result.errors) + 1)]
    classes = {"OOMKilled": exceptions.OutOfMemory, "ProcessExited": exceptions.ProcessExited}
    assert [error.exception_class for error in result.errors] == [classes[reason] for reason in said]
    assert len(result.errors) == (attempts if said[0] == "OOMKilled" else 1)


FAR = 3600.0
# Between the end of an attempt and the time from which its wait counts: the report of it, on a busy machine.
REPORT_SECONDS = 60.0
# The backoff, after which failure, and the wait.
WAITS: list[tuple[Exponential | Linear | Fixed, int, float]] = [
    (Fixed(delay=FAR), 1, FAR),
    (Exponential(initial=1, factor=100, max=FAR, jitter=False), 2, 100),
    (Exponential(initial=1, factor=100, max=20, jitter=False), 2, 20),
    (Linear(initial=1, increment=FAR, max=2 * FAR), 2, FAR + 1),
]


def test_how_long_it_waits(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    def enqueue(backoff: Any) -> str:
        id_: str = using(probes.fail, retry=Retry(max_attempts=9, backoff=backoff)).enqueue().id
        return id_

    ids = [enqueue(backoff) for backoff, _, _ in WAITS]
    jittered = [enqueue(Exponential(initial=FAR, max=FAR)) for _ in range(3)]
    for id_, (backoff, failures, wait) in zip(ids, WAITS, strict=True):
        assert wait <= waits_for(kubectl, id_, failures) <= wait + REPORT_SECONDS, backoff
    waits = [waits_for(kubectl, id_, 1) for id_ in jittered]
    assert 0 <= min(waits) <= max(waits) <= FAR + REPORT_SECONDS
    assert max(waits) - min(waits) > 1, "what failed together is not tried together"


def waits_for(kubectl: Kubectl, name: str, failures: int) -> float:
    """After so many failures, from the end of the last to the time of the next attempt, in seconds."""

    def waits(status: dict[str, Any]) -> bool:
        return status["phase"] == "Retrying" and len(status["attempts"]) == failures

    status = wait_status(kubectl, name, waits, f"{failures} failures")
    return seconds_between(status["attempts"][-1]["finishedAt"], status["nextAttemptAt"])


def test_later_needs_an_attempt_that_is_left(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = finish(using(probes.not_before, retry=Retry(max_attempts=1)).enqueue(2, 3))
    assert (result.status, len(result.errors)) == (TaskResultStatus.FAILED, 1)
    assert "No attempt of maxAttempts (1) is left" in status_of(kubectl, result.id)["message"]


def test_a_task_asks_to_be_tried_later(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    retry = Retry(max_attempts=3, backoff=Fixed(delay=LONG))
    result = finish(using(probes.not_before, retry=retry).enqueue(2, 3))
    assert result.return_value == 2
    first, second = status_of(kubectl, result.id)["attempts"]
    assert first["retryAfterSeconds"] == 3
    assert seconds_between(first["finishedAt"], second["startedAt"]) >= 3


def seconds_between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def test_a_waiting_attempt_survives_a_restart_and_has_no_pod(
    backend: BaseTaskBackend, operator: OperatorProcess, kubectl: Kubectl
) -> None:
    far = using(probes.fail_until, retry=Retry(max_attempts=2, backoff=Fixed(delay=LONG))).enqueue(2)
    near = using(probes.fail_until, retry=Retry(max_attempts=2, backoff=Fixed(delay=20))).enqueue(2)
    wait_phase(kubectl, far.id, "Retrying")
    due = datetime.fromisoformat(wait_phase(kubectl, near.id, "Retrying")["nextAttemptAt"])
    operator.stop(signal.SIGKILL)
    operator.start()
    finish(near)
    assert near.return_value == 2
    assert near.last_attempted_at is not None
    assert due <= near.last_attempted_at
    # The outcome is known before the kubelet has seen the first Pod's process end.
    wait_for("no Pod for the waiting attempt", lambda: live_pods(kubectl, far.id) == [] or None, seconds=FINISH_SECONDS)
    assert status_of(kubectl, far.id)["phase"] == "Retrying"


def live_pods(kubectl: Kubectl, task: str) -> list[str]:
    pods = kubectl.get("pods", "-l", f"djangotasks.dev/task={task}")["items"]
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]


def test_a_timeout_that_is_ignored_is_enforced(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    retry = Retry(max_attempts=2, backoff=AT_ONCE, on=(TimeoutError,))
    task = using(probes.ignore_sigterm, timeout=timedelta(seconds=2), grace_period=timedelta(seconds=1), retry=retry)
    result = task.enqueue(600)
    finish(result)
    assert kubectl.get("job", f"{result.id}-1")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 1
    assert [error.exception_class for error in result.errors] == [exceptions.DeadlineExceeded] * 2


def test_a_timeout_gives_time_to_clean_up_and_no_more(backend: BaseTaskBackend, cluster: Cluster) -> None:
    """One of them needs less than its grace period, the other would need more."""
    with bell(cluster) as found:
        task = using(probes.clean_up, timeout=5)
        quick = using(task, grace_period=60).enqueue(found.url("quick"), 2)
        slow = using(task, grace_period=2).enqueue(found.url("slow"), 600)
        for result in (quick, slow):
            finish(result)
            assert [error.exception_class for error in result.errors] == [exceptions.DeadlineExceeded]
        # A task is not called failed before its pod has ended.
        assert found.rung == ["quick"]


def test_a_task_that_did_not_start_in_time_expires(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    soon = timedelta(seconds=2)
    nowhere = using(probes.add, queue_name="nowhere", expires=soon).enqueue(1, 2)
    deferred = using(probes.add, run_after=timezone.now() + LONG, expires=timezone.now() + soon).enqueue(1, 2)
    for result in (nowhere, deferred):
        finish(result)
        assert (result.status, result.started_at) == (TaskResultStatus.FAILED, None)
        assert [error.exception_class for error in result.errors] == [exceptions.Expired]
        assert status_of(kubectl, result.id)["reason"] == "Expired"
        wait_gone(kubectl, "job", f"{result.id}-1")


def test_a_pod_that_does_not_start_before_the_task_expires(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    kubectl.apply(queue_manifest("no-image", "djangotasks/example:not-loaded"))
    retry = Retry(max_attempts=5, backoff=AT_ONCE)
    result = using(probes.add, queue_name="no-image", expires=timedelta(seconds=20), retry=retry).enqueue(1, 2)
    status = wait_phase(kubectl, result.id, "Failed")
    assert (status["reason"], [attempt["reason"] for attempt in status["attempts"]]) == ("Expired", ["Expired"])
    wait_gone(kubectl, "pod", f"{result.id}-1")
