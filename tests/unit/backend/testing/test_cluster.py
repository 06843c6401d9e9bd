"""What users' tests run: what a pod would run, and the receivers of how tasks end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.tasks.signals import task_finished

from django_tasks_kubernetes.exceptions import WaitTimeout
from django_tasks_kubernetes.signals import send_task_finished, task_attempt_failed, task_ended
from django_tasks_kubernetes.testing import cluster as cluster_module
from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks


@pytest.fixture
def sent() -> Iterator[list[tuple[Any, ...]]]:
    found: list[tuple[Any, ...]] = []

    def ended(task_result: Any, reason: str | None, message: str, reported: bool, **kwargs: Any) -> None:
        found.append((task_result.id, str(task_result.status), reason, reported))

    def attempt_failed(task_result: Any, attempt: int, reason: str, **kwargs: Any) -> None:
        found.append((task_result.id, attempt, reason))

    task_ended.connect(ended)
    task_attempt_failed.connect(attempt_failed)
    yield found
    task_ended.disconnect(ended)
    task_attempt_failed.disconnect(attempt_failed)


def test_in_memory_runs_nothing_before_run_pending() -> None:
    with in_memory() as cluster:
        result = tasks.echo.enqueue(1)
        assert [found.status for found in cluster.results] == ["READY"]
        (done,) = cluster.run_pending()
        assert (done.id, done.return_value) == (result.id, {"args": [1], "kwargs": {}})
        assert cluster.run_pending() == []


def test_run_pending_runs_the_highest_priority_first() -> None:
    with in_memory() as cluster:
        for name, priority in (("a", 0), ("b", -1), ("c", 9), ("d", 0)):
            tasks.echo.using(priority=priority).enqueue(name)
        assert [done.args[0] for done in cluster.run_pending()] == ["c", "a", "d", "b"]


def test_run_pending_leaves_deferred_tasks() -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    with in_memory() as cluster:
        tasks.echo.using(run_after=at).enqueue()
        assert cluster.run_pending() == []
        assert cluster.run_pending(now=at - timedelta(microseconds=1)) == []
        assert len(cluster.run_pending(now=at)) == 1


def test_nothing_of_a_held_queue_is_started() -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    with in_memory() as cluster:
        cluster.held.add("default")
        echo: Any = tasks.echo
        waits, expires = echo.enqueue(), echo.using(expires=soon).enqueue()
        assert cluster.run_pending() == []
        with pytest.raises(WaitTimeout, match="is in the queue 'default', which is held"):
            waits.wait(timeout=5)
        assert [(done.id, done.reason) for done in cluster.run_pending(now=soon)] == [(expires.id, "Expired")]
        cluster.held.discard("default")
        assert [(done.id, done.status) for done in cluster.run_pending()] == [(waits.id, "SUCCESSFUL")]


def test_a_task_that_is_deleted_and_enqueued_again_runs_again() -> None:
    echo: Any = tasks.echo
    keyed = echo.using(idempotency_key="one")
    with in_memory() as cluster:
        for number in range(2):
            result = keyed.enqueue(number)
            assert [done.args for done in cluster.run_pending()] == [[number]]
            cluster.delete(result.id, None)


def test_run_pending_ends_where_tasks_enqueue_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "ENQUEUED_BY_TASKS_MAX", 20)
    with in_memory() as cluster:
        tasks.enqueues_itself.enqueue(19)
        assert len(cluster.run_pending()) == 20
        tasks.enqueues_itself.enqueue(1000)
        with pytest.raises(RecursionError, match=r"21 tasks .* have run, .*enqueues_itself last, .* without an end"):
            cluster.run_pending()


def test_run_pending_puts_a_failure_into_the_result() -> None:
    with in_memory() as cluster:
        result = tasks.fails.enqueue("out of stock")
        cluster.run_pending()
        result.refresh()
        assert result.status == "FAILED"
        assert result.errors[0].exception_class is tasks.Refused
        assert result.errors[0].traceback.endswith("Refused: out of stock\n")


def test_send_ends_sends_each_end_once(sent: list[tuple[Any, ...]]) -> None:
    with in_memory() as cluster:
        success, failure = tasks.echo.enqueue(1), tasks.fails.enqueue()
        memory, expired, cancelled = (tasks.echo.enqueue(number).id for number in range(3))
        cluster.fail(memory, "OOMKilled", "it took too much memory")
        assert cluster.fail(expired, "Expired").errors[0].exception_class.__name__ == "Expired"
        cluster.cancel(cancelled, "by the test")
        cluster.run_pending()
        cluster.send_ends()
        cluster.send_ends()
    assert sent == [
        (success.id, "SUCCESSFUL", None, True),
        (failure.id, 1, "TaskError"),
        (failure.id, "FAILED", "TaskError", True),
        (memory, 1, "OOMKilled"),
        (memory, "FAILED", "OOMKilled", False),
        (expired, "FAILED", "Expired", False),
        (cancelled, "FAILED", "CancelRequested", False),
    ]


def test_fail_refuses_a_finished_task() -> None:
    with in_memory() as cluster:
        result = tasks.echo.enqueue()
        cluster.run_pending()
        with pytest.raises(ValueError, match="has ended already: Succeeded"):
            cluster.fail(result.id, "OOMKilled")
        with pytest.raises(ValueError, match="'Tired' is not a valid Reason"):
            cluster.fail(tasks.echo.enqueue().id, "Tired")


def test_task_finished_is_sent_once_for_each_end() -> None:
    finished: list[tuple[str, str]] = []

    def receiver(task_result: Any, **kwargs: Any) -> None:
        finished.append((task_result.id, str(task_result.status)))

    task_finished.connect(receiver)
    task_ended.connect(send_task_finished)
    try:
        with in_memory() as cluster:
            done, lost = tasks.echo.enqueue(1), tasks.echo.enqueue(2)
            cluster.fail(lost.id, "DeadlineExceeded")
            cluster.run_pending()
            cluster.send_ends()
    finally:
        task_finished.disconnect(receiver)
        task_ended.disconnect(send_task_finished)
    assert finished == [(done.id, "SUCCESSFUL"), (lost.id, "FAILED")]
