"""The inbox dispatches each end once, also where receivers fail. On SQLite; tests/cluster has PostgreSQL."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.models import OutboxTask, TaskEnd
from django_tasks_kubernetes.notify import inbox
from tests.unit.backend.notify.receivers import OOM, Backend, Receivers, dispatch_all, dispatch_next, named
from tests.unit.backend.notify.test_ends import AT, attempt, failure
from tests.unit.backend.notify.test_ends import resource as some_resource

pytestmark = pytest.mark.django_db


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


def test_inbox_dispatches_the_attempts_of_a_task_in_their_order_and_then_its_end(
    backend: Backend, receivers: Receivers
) -> None:
    signals.task_attempt_failed.connect(receivers.attempt)
    signals.task_ended.connect(receivers.book)
    attempts = [attempt(number, "OOMKilled") for number in range(1, 12)]
    inbox.record(backend, [named("oom", failure("OOMKilled", *attempts))], "default")
    dispatch_all(backend)
    assert receivers.calls == [*(("attempt", number, "OOMKilled") for number in range(1, 12)), ("book", "oom")]


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("error", [ValueError("half a character: \udcff"), Mute()], ids=["surrogate", "mute"])
def test_inbox_keeps_what_was_called_whatever_another_receiver_raises(
    backend: Backend, receivers: Receivers, error: Exception
) -> None:
    for receiver in (receivers.alert, receivers.book):
        signals.task_ended.connect(receiver)
    receivers.errors = [error]
    inbox.record(backend, [OOM], "default")
    dispatch_all(backend)
    later(seconds=10)
    dispatch_all(backend)
    assert [call[0] for call in receivers.calls] == ["alert", "book", "book"]


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
                dispatch_next(backend)
            assert not dispatch_next(backend), "others come first"
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
