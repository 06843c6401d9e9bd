"""The inbox dispatches each end once, also where receivers fail. On SQLite; tests/cluster has PostgreSQL."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.tasks import task_backends
from django.utils import timezone

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.models import OutboxTask, TaskEnd
from django_tasks_kubernetes.notify import inbox
from djangotasks_api.bounds import RESULT_MAX_BYTES
from tests.unit.backend.notify.test_ends import AT, attempt, failure
from tests.unit.backend.notify.test_ends import resource as some_resource
from tests.unit.backend.tasks import echo

pytestmark = pytest.mark.django_db

Backend = Any


@pytest.fixture
def backend() -> Backend:
    return task_backends["default"]


class Receivers:
    """Receivers that record their calls, and raise what is in `errors`."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.errors: list[BaseException] = []

    def alert(self, task_result: Any, reason: str | None, reported: bool, **kwargs: Any) -> None:
        self.calls.append(("alert", task_result.status, reason, reported))

    def book(self, task_result: Any, **kwargs: Any) -> None:
        now = timezone.now()
        OutboxTask.objects.create(id=f"row-{len(self.calls)}", resource="", created_at=now, next_try_at=now)
        self.calls.append(("book", task_result.id))
        if self.errors:
            raise self.errors.pop(0)

    async def asynchronous(self, task_result: Any, **kwargs: Any) -> None:
        self.calls.append(("asynchronous", task_result.id))

    def attempt(self, task_result: Any, attempt: int, reason: str, **kwargs: Any) -> None:
        self.calls.append(("attempt", attempt, reason))


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    found = Receivers()
    before = [(signal, signal.receivers[:]) for signal in (signals.task_ended, signals.task_attempt_failed)]
    yield found
    for signal, receivers in before:
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()


def named(name: str, given: dict[str, Any]) -> dict[str, Any]:
    spec = {"task": echo.module_path, "queue": "default", "backend": "default", "enqueuedAt": AT}
    return given | {"metadata": {"name": name, "uid": f"uid-{name}"}, "spec": spec}


OOM = named("oom", failure("OOMKilled", attempt(1, "OOMKilled")))


def dispatch_all(backend: Backend) -> int:
    count = 0
    while inbox.dispatch_next([backend], "default"):
        count += 1
    return count


def later(**how: float) -> None:
    """What waits for its next try is that much closer to it."""
    for row in TaskEnd.objects.exclude(next_try_at=None):
        assert row.next_try_at is not None
        row.next_try_at -= timedelta(**how)
        row.save()


def test_inbox_dispatches_each_end_once(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    done = named("done", some_resource("Succeeded", attempt(1), finishedAt=AT, result="3"))
    for _ in range(3):
        assert inbox.record(backend, [OOM, done], "default") == {"uid-oom", "uid-done"}
        dispatch_all(backend)
    assert sorted(receivers.calls) == sorted(
        [("alert", "FAILED", "OOMKilled", False), ("alert", "SUCCESSFUL", None, True)]
    )
    row = TaskEnd.objects.get(pk="uid-oom")
    assert (row.resource, row.next_try_at, row.dispatched_at is not None) == ("", None, True)


def test_inbox_records_no_end_without_receivers(backend: Backend, receivers: Receivers) -> None:
    assert inbox.record(backend, [OOM], "default") == set()
    signals.task_attempt_failed.connect(receivers.attempt)
    assert inbox.record(backend, [OOM], "default") == {"uid-oom/1"}
    dispatch_all(backend)
    assert receivers.calls == [("attempt", 1, "OOMKilled")]


def test_inbox_dispatches_the_attempts_of_a_task_in_their_order_and_then_its_end(
    backend: Backend, receivers: Receivers
) -> None:
    signals.task_attempt_failed.connect(receivers.attempt)
    signals.task_ended.connect(receivers.book)
    attempts = [attempt(number, "OOMKilled") for number in range(1, 12)]
    inbox.record(backend, [named("oom", failure("OOMKilled", *attempts))], "default")
    dispatch_all(backend)
    assert receivers.calls == [*(("attempt", number, "OOMKilled") for number in range(1, 12)), ("book", "oom")]


def test_inbox_calls_only_the_receiver_that_raised_again(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    for receiver in (receivers.alert, receivers.book, receivers.asynchronous):
        signals.task_ended.connect(receiver)
    receivers.errors = [ValueError("\0 no"), SystemExit(3)]
    other = named("other", failure("Expired"))
    inbox.record(backend, [OOM], "default")
    inbox.record(backend, [other], "default")
    dispatch_all(backend)
    assert [call for call in receivers.calls if call[0] == "book"] == [("book", "oom"), ("book", "other")]
    assert OutboxTask.objects.count() == 0, "what it wrote is undone"
    row = TaskEnd.objects.get(pk="uid-oom")
    assert "Receivers.book: ValueError:  no" in row.error
    assert row.resource
    assert dispatch_all(backend) == 0, "it is not due yet"
    later(seconds=10)
    dispatch_all(backend)
    names = [call[0] for call in receivers.calls]
    assert (names.count("alert"), names.count("book"), names.count("asynchronous")) == (2, 4, 2)
    assert OutboxTask.objects.count() == 2
    assert not TaskEnd.objects.filter(dispatched_at=None).exists()
    assert "ValueError" in caplog.text


def test_inbox_dead_letters_an_end_and_requeues_it(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    signals.task_ended.connect(receivers.book)
    receivers.errors = [ValueError("no")] * inbox.TRIES
    inbox.record(backend, [OOM], "default")
    waits = []
    for _ in range(inbox.TRIES):
        assert dispatch_all(backend) == 1
        row = TaskEnd.objects.get()
        waits.append(row.next_try_at and round((row.next_try_at - timezone.now()).total_seconds()))
        later(hours=1)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600, None]
    assert dispatch_all(backend) == 0
    assert "dead-lettered after 10 tries" in caplog.text
    assert inbox.requeue_dead_letters("default") == 1
    assert dispatch_all(backend) == 1
    assert TaskEnd.objects.get().dispatched_at is not None


def test_inbox_counts_a_killed_process_as_a_try(
    backend: Backend, receivers: Receivers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else what kills the process would be the first thing that the next one does, and the last."""
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [OOM], "default")

    def die(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "dispatch", die)
        for _ in range(inbox.TRIES):
            with pytest.raises(KeyboardInterrupt):
                inbox.dispatch_next([backend], "default")
            assert not inbox.dispatch_next([backend], "default"), "others come first"
            later(hours=1)
    dispatch_all(backend)
    assert receivers.calls == []
    assert "the process ended at each try" in caplog.text


@pytest.mark.filterwarnings("ignore")
def test_inbox_survives_a_receiver_that_breaks_its_transaction(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(task_result: Any, **kwargs: Any) -> None:
        if task_result.id == "oom":
            transaction.set_rollback(True)
        receivers.calls.append((task_result.id,))

    signals.task_ended.connect(broken)
    inbox.record(backend, [OOM], "default")
    inbox.record(backend, [named("other", failure("Expired"))], "default")
    dispatch_all(backend)
    assert receivers.calls[-1] == ("other",)


def test_inbox_ignores_tasks_of_another_project(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    signals.task_ended.connect(receivers.alert)
    stranger = named("stranger", failure("OOMKilled"))
    stranger["spec"] |= {"task": "elsewhere.tasks.run"}
    assert inbox.record(backend, [stranger], "default") == set()
    assert inbox.record(backend, [stranger], "default") == set()
    assert caplog.text.count("No receiver is called for tasks elsewhere.tasks.run") == 1


def test_inbox_dead_letters_a_result_that_is_not_json(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [named("odd", some_resource("Succeeded", finishedAt=AT, result="{"))], "default")
    dispatch_all(backend)
    assert "is not JSON" in TaskEnd.objects.get().error


def test_inbox_keeps_the_error_of_a_changed_resource(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [OOM], "default")
    TaskEnd.objects.update(resource=json.dumps(named("oom", some_resource("Running"))))
    dispatch_all(backend)
    assert "KeyError" in TaskEnd.objects.get().error
    assert receivers.calls == []


def test_inbox_ignores_rows_of_another_backend(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [OOM], "default")
    TaskEnd.objects.update(backend="other")
    assert not inbox.dispatch_next([backend], "default")
    assert inbox.next_due([backend], "default") is None


def test_inbox_records_ends_as_dispatched(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.record(backend, [OOM], "default", dispatched=True)
    inbox.record(backend, [OOM], "default")
    assert (dispatch_all(backend), receivers.calls) == (0, [])


@pytest.mark.parametrize(
    ("dispatched", "due", "age", "there", "left"),
    [
        (True, False, {"hours": 1}, False, False),
        (True, False, {"hours": 1}, True, True),
        # Another process may be about to record the same.
        (True, False, {"minutes": 1}, False, True),
        # Pending: the row has the resource.
        (False, True, {"days": 30}, False, True),
        # A dead letter.
        (False, False, {"hours": 1}, False, True),
        (False, False, {"days": 8}, False, False),
        (False, False, {"days": 8}, True, True),
    ],
)
def test_inbox_prunes_rows_of_tasks_that_are_gone(
    backend: Backend, dispatched: bool, due: bool, age: Any, there: bool, left: bool
) -> None:
    now = timezone.now()
    TaskEnd.objects.create(
        key="u",
        uid="u",
        task_id="t",
        backend="default",
        seen_at=now - timedelta(**age),
        dispatched_at=now if dispatched else None,
        next_try_at=now if due else None,
    )
    assert inbox.prune("default", {"u"} if there else {"v"}, now, "default") == (not left)
    assert TaskEnd.objects.exists() == left


def test_inbox_logs_no_arguments(backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture) -> None:
    signals.task_ended.connect(receivers.book)
    receivers.errors = [ValueError("no")]
    secret = named("secret", failure("OOMKilled"))
    secret["spec"] |= {"payload": '{"args":["hush"],"kwargs":{}}'}
    with caplog.at_level(logging.DEBUG):
        inbox.record(backend, [secret], "default")
        dispatch_all(backend)
    assert "hush" not in caplog.text


def test_inbox_bounds_the_bytes_of_a_statement(backend: Backend, receivers: Receivers) -> None:
    """MariaDB refuses a statement of more than 16 MiB, for ever; and what it escapes is twice as long."""
    signals.task_ended.connect(receivers.alert)
    result = json.dumps("x" * (RESULT_MAX_BYTES - 2))
    many = [named(f"t{n}", some_resource("Succeeded", attempt(1), finishedAt=AT, result=result)) for n in range(20)]
    inserts: list[int] = []

    def count(execute: Any, sql: str, params: Any, *more: Any) -> Any:
        if sql.startswith("INSERT"):
            inserts.append(sum(len(value) for value in params if isinstance(value, str)))
        return execute(sql, params, *more)

    with connection.execute_wrapper(count):
        inbox.record(backend, many, "default")
    assert TaskEnd.objects.count() == len(many)
    assert sum(inserts) > 20 * RESULT_MAX_BYTES
    assert max(inserts) < 16 * 1024 * 1024 / 2
