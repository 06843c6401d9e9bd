"""LocalBackend: what enqueue() runs before it returns, and what of the options holds."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.dispatch import Signal
from django.tasks import task_backends
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued, task_finished, task_started
from django.test import override_settings

from django_tasks_kubernetes import Fixed, KubernetesTaskContext, LocalBackend, Retry, RetryLater, exceptions
from django_tasks_kubernetes.decorators import task
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.signals import task_attempt_failed, task_ended
from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks

LOCAL = "django_tasks_kubernetes.LocalBackend"
# Longer than any test: a backoff is not waited for.
TRIED = Retry(max_attempts=3, backoff=Fixed(delay=3600), never=(LookupError,))


def local(**options: Any) -> override_settings:
    return override_settings(TASKS={"default": {"BACKEND": LOCAL, "QUEUES": ["default", "mail"], "OPTIONS": options}})


@pytest.fixture(autouse=True)
def _local() -> Iterator[None]:
    with local():
        backend().clear()
        yield


def backend() -> LocalBackend:
    found = task_backends["default"]
    assert isinstance(found, LocalBackend)
    return found


@task(takes_context=True, retry=TRIED)
def succeeds_at(context: KubernetesTaskContext, attempt: int) -> int:
    context.progress(context.attempt, attempt)
    if context.attempt < attempt:
        raise tasks.Refused(f"attempt {context.attempt}")
    return context.attempt


@task(retry=TRIED)
def raises(kind: str) -> None:
    raise {"retried": OSError("x"), "never": KeyError("x"), "later": RetryLater(after=60)}[kind]


@task
def enqueues(number: int) -> list[Any]:
    result = tasks.echo.enqueue(number)
    return [result.status, result.return_value]


def test_enqueue_returns_the_finished_result() -> None:
    result: Any = tasks.echo.enqueue(1, key="a")
    assert isinstance(result, KubernetesResult)
    assert (result.status, result.return_value) == ("SUCCESSFUL", {"args": [1], "kwargs": {"key": "a"}})
    assert (result.wait(), result.get()) == (result, result.return_value)
    assert tasks.echo.get_result(result.id).return_value == result.return_value


def test_aenqueue_returns_the_finished_result() -> None:
    async def main() -> tuple[Any, Any]:
        result: Any = await tasks.async_echo.aenqueue(1)
        return result.return_value, await result.aget()

    assert asyncio.run(main()) == ({"args": [1], "kwargs": {}}, {"args": [1], "kwargs": {}})


def test_enqueue_many_runs_each_task() -> None:
    report = backend().enqueue_many([(tasks.echo, [1]), (tasks.fails,), (tasks.echo, [object()])])
    assert [result and result.status for result in report.results] == ["SUCCESSFUL", "FAILED", None]


def test_tasks_enqueue_tasks() -> None:
    assert enqueues.enqueue(7).return_value == ["SUCCESSFUL", {"args": [7], "kwargs": {}}]


def test_failure_is_in_the_result() -> None:
    result: Any = tasks.fails.enqueue("out of stock")
    assert (result.status, result.errors[0].exception_class) == ("FAILED", tasks.Refused)
    assert result.errors[0].message == "tests.unit.backend.tasks.Refused: out of stock"
    with pytest.raises(exceptions.TaskFailed, match="out of stock"):
        result.get()


@pytest.mark.parametrize(
    ("enqueued", "status", "attempts"),
    [
        (lambda: succeeds_at.enqueue(2), "SUCCESSFUL", 2),
        (lambda: succeeds_at.enqueue(3), "SUCCESSFUL", 3),
        (lambda: succeeds_at.enqueue(4), "FAILED", 3),
        (lambda: succeeds_at.using(retry=Retry(max_attempts=1)).enqueue(2), "FAILED", 1),
        (lambda: raises.enqueue("retried"), "FAILED", 3),
        (lambda: raises.enqueue("never"), "FAILED", 1),
        (lambda: raises.enqueue("later"), "FAILED", 3),
    ],
)
def test_retries_follow_at_once(enqueued: Any, status: str, attempts: int) -> None:
    result = enqueued()
    assert (result.status, result.attempts) == (status, attempts)
    assert len(set(result.worker_ids)) == attempts
    assert len(result.errors) == attempts - (status == "SUCCESSFUL")


def test_context_is_that_of_a_pod() -> None:
    result: Any = succeeds_at.enqueue(2)
    assert (result.return_value, result.progress.done, result.progress.total) == (2, 2, 2)


@pytest.mark.parametrize(
    ("task_", "args", "error"),
    [
        (tasks.echo, ({1},), TypeError),
        (tasks.echo, ("x" * 100_000,), exceptions.PayloadTooLarge),
        (tasks.echo.using(queue_name="mail"), (), None),
    ],
)
def test_limits_are_those_of_a_cluster(task_: Any, args: Any, error: Any) -> None:
    if error is None:
        task_.enqueue(*args)
        return
    with pytest.raises(error):
        task_.enqueue(*args)


def test_options_are_checked_as_with_a_cluster() -> None:
    with pytest.raises(InvalidTask, match=r"Queue 'reports' is not valid"):
        tasks.echo.using(queue_name="reports")
    with pytest.raises(InvalidTask, match="timeout must be from"):
        tasks.echo.using(timeout=-1)  # type: ignore[call-arg]


def test_large_data_is_kept_in_memory() -> None:
    with local(STORAGE="default"):
        result = tasks.returns_text.enqueue(600_000, "y")
        assert len(result.return_value) == 600_000
        assert len(tasks.echo.enqueue("x" * 100_000).return_value["args"][0]) == 100_000


def test_deferred_task_is_not_run(caplog: pytest.LogCaptureFixture) -> None:
    result: Any = tasks.echo.using(run_after=datetime.now(UTC) + timedelta(hours=1)).enqueue()
    assert result.status == "READY"
    assert "is not run here" in caplog.text
    with pytest.raises(exceptions.WaitTimeout, match="LocalBackend never runs it"):
        result.wait(timeout=60)
    assert tasks.echo.using(run_after=datetime.now(UTC)).enqueue().status == "SUCCESSFUL"


def test_expired_task_fails_without_running() -> None:
    expired: Any = tasks.echo.using(expires=datetime.now(UTC) - timedelta(seconds=1))  # type: ignore[call-arg]
    result = expired.enqueue()
    assert (result.status, result.attempts) == ("FAILED", 0)
    assert result.errors[0].exception_class is exceptions.Expired


def test_idempotency_key_counts_until_the_task_has_ended() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    keyed: Any = tasks.echo.using(idempotency_key="one")  # type: ignore[call-arg]
    first, second = keyed.using(run_after=later).enqueue(1), keyed.using(run_after=later).enqueue(2)
    assert (first.id, second.args) == (second.id, [1])
    backend().cancel(first.id)
    third, fourth = keyed.enqueue(3), keyed.enqueue(4)
    assert [third.return_value["args"], fourth.return_value["args"]] == [[3], [4]]


def test_cancelled_task_is_not_retried() -> None:
    result: Any = cancels_itself.enqueue()
    assert (result.status, result.attempts) == ("FAILED", 1)
    assert result.errors[-1].exception_class is exceptions.Cancelled


@task(takes_context=True, retry=TRIED)
def cancels_itself(context: KubernetesTaskContext) -> None:
    backend().cancel(context.task_result.id, "by a test")
    raise tasks.Refused


def test_retry_runs_a_finished_task_once_more() -> None:
    result = tasks.echo.enqueue(1)
    again = backend().retry(result.id)
    assert (again.id != result.id, again.return_value) == (True, result.return_value)
    assert len(list(backend().results(task=tasks.echo))) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["on_commit", "outbox"])
def test_task_of_a_transaction_runs_at_its_commit(mode: str) -> None:
    with local(ENQUEUE=mode):
        with transaction.atomic():
            result = tasks.echo.enqueue(1)
            assert result.status == "READY"
        assert result.status == "SUCCESSFUL"
        with transaction.atomic():
            dropped = tasks.echo.enqueue(2)
            transaction.set_rollback(True)
        assert dropped.status == "READY"


def test_signals_come_in_order() -> None:
    seen: list[str] = []

    def heard(signal: Signal, sender: type, **kwargs: Any) -> None:
        assert sender is LocalBackend
        seen.append(names[signal])

    names = {
        task_enqueued: "enqueued",
        task_started: "started",
        task_finished: "finished",
        task_attempt_failed: "attempt failed",
        task_ended: "ended",
    }
    for signal in names:
        signal.connect(heard)
    try:
        succeeds_at.enqueue(2)
    finally:
        for signal in names:
            signal.disconnect(heard)
    assert seen == ["enqueued", "started", "started", "finished", "attempt failed", "ended"]


def test_receiver_of_an_end_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def receiver(**kwargs: Any) -> None:
        raise tasks.Refused("in a receiver")

    task_ended.connect(receiver)
    try:
        assert tasks.echo.enqueue().status == "SUCCESSFUL"
    finally:
        task_ended.disconnect(receiver)
    assert "receiver of a task's end raised" in caplog.text


def test_in_memory_takes_its_place() -> None:
    with in_memory() as cluster:
        assert tasks.echo.enqueue().status == "READY"
        cluster.run_pending()
    assert list(backend().results()) == []


def test_commands_say_that_there_is_nothing_to_ask() -> None:
    with pytest.raises(CommandError, match=r"TASKS\['default'\] is LocalBackend: its tasks run within enqueue\(\)"):
        call_command("tasks", "list")


def test_commands_take_the_backend_of_a_cluster() -> None:
    kubernetes = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "OPTIONS": {"NAMESPACE": "unit"}}
    with override_settings(TASKS={"default": {"BACKEND": LOCAL}, "other": kubernetes}):
        from django_tasks_kubernetes.management.backends import kubernetes_backends

        assert [found.alias for found in kubernetes_backends(None)] == ["other"]
