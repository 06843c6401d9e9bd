"""What a developer does with tasks that are enqueued: the same key again, cancel, retry, look for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.tasks import TaskResult, TaskResultStatus
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone
from shop import probes

from django_tasks_kubernetes import Fixed, Retry, exceptions
from tests.support.tasks import FINISH_SECONDS, assert_stopped, finish, status_of, wait_gone, wait_phase
from tools.kubectl import Kubectl, wait_for

LATER = timedelta(hours=1)


def using(task: Any, **options: Any) -> Any:
    return task.using(**options)


def test_one_task_for_one_key_of_many_callers(backend: Any, kubectl: Kubectl) -> None:
    task = using(probes.echo, idempotency_key="order-17")
    with ThreadPoolExecutor(16) as pool:
        results: list[TaskResult[..., Any]] = list(pool.map(task.enqueue, range(16)))
    (id_,) = {result.id for result in results}
    assert finish(results[0]).status == TaskResultStatus.SUCCESSFUL
    # While the first is known, also when it is finished; and every caller sees the first's arguments.
    again = task.enqueue("later")
    assert (again.id, again.status, again.args) == (id_, TaskResultStatus.SUCCESSFUL, results[0].args)
    assert len(again.args) == 1
    assert len(kubectl.get("jobs", "-l", f"djangotasks.dev/task={id_}")["items"]) == 1
    assert using(probes.add, idempotency_key="order-17").enqueue(1, 2).id != id_


def test_a_key_is_free_again_when_the_first_is_forgotten(backend: Any, kubectl: Kubectl) -> None:
    task = using(probes.add, idempotency_key="nightly", ttl=0)
    first = task.enqueue(1, 2)
    wait_gone(kubectl, "djangotask", first.id)
    second = task.enqueue(3, 4)
    assert (second.id, second.args) == (first.id, [3, 4])

    def over() -> bool | None:
        try:
            second.refresh()
        except TaskResultDoesNotExist:
            return True
        return None

    wait_for("the second ran too", over, seconds=FINISH_SECONDS)


def test_cancel_before_it_starts(backend: Any, kubectl: Kubectl) -> None:
    result = using(probes.add, run_after=timezone.now() + LATER).enqueue(1, 2)
    assert not backend.cancel(result.id, "the order was withdrawn").is_finished
    finish(result)
    assert (result.status, result.errors[0].exception_class) == (TaskResultStatus.FAILED, exceptions.Cancelled)
    message = status_of(kubectl, result.id)["message"]
    assert message == "Cancelled before it started. Reason given: the order was withdrawn"
    assert backend.cancel(result.id, "twice does no harm") == result


def test_cancel_while_it_waits_for_its_next_attempt(backend: Any, kubectl: Kubectl) -> None:
    retry = Retry(max_attempts=2, backoff=Fixed(delay=LATER))
    result = using(probes.fail, retry=retry).enqueue()
    wait_phase(kubectl, result.id, "Retrying")
    backend.cancel(result.id, "enough")
    finish(result)
    assert [error.exception_class for error in result.errors] == [probes.CardDeclined, exceptions.Cancelled]
    message = status_of(kubectl, result.id)["message"]
    assert message == "Cancelled while it waited for its next attempt. Reason given: enough"


def test_cancel_while_it_runs(backend: Any, kubectl: Kubectl) -> None:
    by_python, by_kubectl = probes.sleep.enqueue(600), probes.sleep.enqueue(600)
    for result in (by_python, by_kubectl):
        wait_phase(kubectl, result.id, "Running")
    backend.cancel(by_python.id, "the shop is closed")
    kubectl("patch", "djangotask", by_kubectl.id, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    for result, who in ((by_python, "the shop is closed"), (by_kubectl, "set by kubectl-patch")):
        status = wait_phase(kubectl, result.id, "Cancelled")
        assert status["message"] == f"Cancelled: the pod was stopped. Reason given: {who}"
        assert_stopped(kubectl, f"{result.id}-1")


def test_cancel_what_is_finished_or_not_there(backend: Any, kubectl: Kubectl) -> None:
    result = finish(probes.add.enqueue(1, 2))
    assert backend.cancel(result.id).return_value == 3
    kubectl("delete", "djangotask", result.id, "--timeout=60s")
    with pytest.raises(TaskResultDoesNotExist):
        backend.cancel(result.id)


def test_retry(backend: Any, kubectl: Kubectl) -> None:
    first = finish(using(probes.fail, priority=3, timeout=60).enqueue("A7"))
    second = backend.retry(first.id)
    with pytest.raises(exceptions.NotFinished, match="is not finished"):
        backend.retry(second.id)
    finish(second)
    assert "CardDeclined: no card is on file for order A7" in second.errors[0].traceback
    spec = kubectl.get("djangotask", second.id)["spec"]
    assert (spec["retryOf"], spec["priority"], spec["policy"]) == (first.id, 3, {"timeoutSeconds": 60})


def test_results_are_found(backend: Any) -> None:
    nowhere = {using(probes.add, queue_name="nowhere").enqueue(n, n).id for n in range(3)}
    lines, failed = finish(probes.write_lines.enqueue(1)), finish(probes.exit_process.enqueue(3))

    def ids(**query: Any) -> set[str]:
        return {result.id for result in backend.results(**query)}

    assert ids(queue="nowhere") == ids(queue="nowhere", status="READY") == nowhere
    assert ids(task=probes.write_lines, status="SUCCESSFUL") == {lines.id}
    assert ids(task="shop.probes.exit_process", status="FAILED") == {failed.id}
    assert ids(queue="nowhere", status="FAILED") == set()
    assert {*nowhere, lines.id, failed.id} <= ids()
