"""The inbox: what is noted once is told once, also where receivers fail. On SQLite; tests/cluster has PostgreSQL."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.tasks import task_backends
from django.utils import timezone

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.models import OutboxTask, TaskEvent
from django_tasks_kubernetes.watcher import inbox
from tests.unit.backend.tasks import echo
from tests.unit.backend.test_watcher_events import AT, attempt, failure
from tests.unit.backend.test_watcher_events import resource as some_resource

pytestmark = pytest.mark.django_db

Backend = Any


@pytest.fixture
def backend() -> Backend:
    return task_backends["default"]


class Receivers:
    """Receivers that note what they are told, and raise what they are given."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.errors: list[BaseException] = []

    def alert(self, task_result: Any, reason: str | None, reported: bool, **kwargs: Any) -> None:
        self.told.append(("alert", task_result.status, reason, reported))

    def book(self, task_result: Any, **kwargs: Any) -> None:
        now = timezone.now()
        OutboxTask.objects.create(id=f"row-{len(self.told)}", resource="", created_at=now, next_try_at=now)
        self.told.append(("book", task_result.id))
        if self.errors:
            raise self.errors.pop(0)

    async def asynchronous(self, task_result: Any, **kwargs: Any) -> None:
        self.told.append(("asynchronous", task_result.id))

    def attempt(self, task_result: Any, attempt: int, reason: str, **kwargs: Any) -> None:
        self.told.append(("attempt", attempt, reason))


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


def tell_all(backend: Backend) -> int:
    count = 0
    while inbox.tell_next([backend], "default"):
        count += 1
    return count


def later(**how: float) -> None:
    """What waits for its next try is that much closer to it."""
    for row in TaskEvent.objects.exclude(next_try_at=None):
        assert row.next_try_at is not None
        row.next_try_at -= timedelta(**how)
        row.save()


def test_each_end_is_told_once(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    done = named("done", some_resource("Succeeded", attempt(1), finishedAt=AT, result="3"))
    for _ in range(3):
        assert inbox.note(backend, [OOM, done], "default") == {"uid-oom", "uid-done"}
        tell_all(backend)
    assert sorted(receivers.told) == sorted(
        [("alert", "FAILED", "OOMKilled", False), ("alert", "SUCCESSFUL", None, True)]
    )
    row = TaskEvent.objects.get(pk="uid-oom")
    assert (row.resource, row.next_try_at, row.told_at is not None) == ("", None, True)


def test_what_nobody_receives_is_not_noted(backend: Backend, receivers: Receivers) -> None:
    assert inbox.note(backend, [OOM], "default") == set()
    signals.task_attempt_failed.connect(receivers.attempt)
    assert inbox.note(backend, [OOM], "default") == {"uid-oom/1"}
    tell_all(backend)
    assert receivers.told == [("attempt", 1, "OOMKilled")]


def test_a_receiver_that_raises_is_tried_again_and_the_others_are_not(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    for receiver in (receivers.alert, receivers.book, receivers.asynchronous):
        signals.task_ended.connect(receiver)
    receivers.errors = [ValueError("\0 no"), SystemExit(3)]
    other = named("other", failure("Expired"))
    inbox.note(backend, [OOM], "default")
    inbox.note(backend, [other], "default")
    tell_all(backend)
    assert [told for told in receivers.told if told[0] == "book"] == [("book", "oom"), ("book", "other")]
    assert OutboxTask.objects.count() == 0, "what it wrote is undone"
    row = TaskEvent.objects.get(pk="uid-oom")
    assert "Receivers.book: ValueError:  no" in row.error
    assert row.resource
    assert tell_all(backend) == 0, "it is not due yet"
    later(seconds=10)
    tell_all(backend)
    names = [told[0] for told in receivers.told]
    assert (names.count("alert"), names.count("book"), names.count("asynchronous")) == (2, 4, 2)
    assert OutboxTask.objects.count() == 2
    assert not TaskEvent.objects.filter(told_at=None).exists()
    assert "ValueError" in caplog.text


def test_it_is_given_up_in_the_end_and_can_be_tried_anew(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    signals.task_ended.connect(receivers.book)
    receivers.errors = [ValueError("no")] * inbox.TRIES
    inbox.note(backend, [OOM], "default")
    waits = []
    for _ in range(inbox.TRIES):
        assert tell_all(backend) == 1
        row = TaskEvent.objects.get()
        waits.append(row.next_try_at and round((row.next_try_at - timezone.now()).total_seconds()))
        later(hours=1)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600, None]
    assert tell_all(backend) == 0
    assert "given up after 10 tries" in caplog.text
    assert inbox.tell_again("default") == 1
    assert tell_all(backend) == 1
    assert TaskEvent.objects.get().told_at is not None


def test_a_process_that_dies_with_a_receiver_is_a_try(
    backend: Backend, receivers: Receivers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else what kills the process would be the first thing that the next one does, and the last."""
    signals.task_ended.connect(receivers.alert)
    inbox.note(backend, [OOM], "default")

    def die(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "tell", die)
        for _ in range(inbox.TRIES):
            with pytest.raises(KeyboardInterrupt):
                inbox.tell_next([backend], "default")
            assert not inbox.tell_next([backend], "default"), "others come first"
            later(hours=1)
    tell_all(backend)
    assert receivers.told == []
    assert "the process ended each time" in caplog.text


@pytest.mark.filterwarnings("ignore")
def test_a_receiver_that_breaks_the_transaction_does_not_hold_up_the_others(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(task_result: Any, **kwargs: Any) -> None:
        if task_result.id == "oom":
            transaction.set_rollback(True)
        receivers.told.append((task_result.id,))

    signals.task_ended.connect(broken)
    inbox.note(backend, [OOM], "default")
    inbox.note(backend, [named("other", failure("Expired"))], "default")
    tell_all(backend)
    assert receivers.told[-1] == ("other",)


def test_a_task_of_another_project(backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture) -> None:
    signals.task_ended.connect(receivers.alert)
    stranger = named("stranger", failure("OOMKilled"))
    stranger["spec"] |= {"task": "elsewhere.tasks.run"}
    assert inbox.note(backend, [stranger], "default") == set()
    assert inbox.note(backend, [stranger], "default") == set()
    assert caplog.text.count("Nobody is told of tasks elsewhere.tasks.run") == 1


def test_a_result_that_cannot_be_shown_is_given_up(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.note(backend, [named("odd", some_resource("Succeeded", finishedAt=AT, result="{"))], "default")
    tell_all(backend)
    assert "is not JSON" in TaskEvent.objects.get().error


def test_a_resource_that_is_not_what_it_was_noted_for(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.note(backend, [OOM], "default")
    TaskEvent.objects.update(resource=json.dumps(named("oom", some_resource("Running"))))
    tell_all(backend)
    assert "KeyError" in TaskEvent.objects.get().error
    assert receivers.told == []


def test_rows_of_another_backend_are_left_alone(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.note(backend, [OOM], "default")
    TaskEvent.objects.update(backend="other")
    assert not inbox.tell_next([backend], "default")
    assert inbox.next_due([backend], "default") is None


def test_taken_for_told(backend: Backend, receivers: Receivers) -> None:
    signals.task_ended.connect(receivers.alert)
    inbox.note(backend, [OOM], "default", as_told=True)
    inbox.note(backend, [OOM], "default")
    assert (tell_all(backend), receivers.told) == (0, [])


@pytest.mark.parametrize(
    ("told", "due", "age", "there", "left"),
    [
        (True, False, {"hours": 1}, False, False),
        (True, False, {"hours": 1}, True, True),
        # Another watcher may just be about to note the same.
        (True, False, {"minutes": 1}, False, True),
        # Still to be told: the row has all it takes.
        (False, True, {"days": 30}, False, True),
        # Given up.
        (False, False, {"hours": 1}, False, True),
        (False, False, {"days": 8}, False, False),
        (False, False, {"days": 8}, True, True),
    ],
)
def test_what_is_forgotten(backend: Backend, told: bool, due: bool, age: Any, there: bool, left: bool) -> None:
    now = timezone.now()
    TaskEvent.objects.create(
        key="u",
        uid="u",
        task_id="t",
        backend="default",
        seen_at=now - timedelta(**age),
        told_at=now if told else None,
        next_try_at=now if due else None,
    )
    assert inbox.prune("default", {"u"} if there else {"v"}, now, "default") == (not left)
    assert TaskEvent.objects.exists() == left


def test_nothing_is_logged_of_arguments_and_results(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    signals.task_ended.connect(receivers.book)
    receivers.errors = [ValueError("no")]
    secret = named("secret", failure("OOMKilled"))
    secret["spec"] |= {"payload": '{"args":["hush"],"kwargs":{}}'}
    with caplog.at_level(logging.DEBUG):
        inbox.note(backend, [secret], "default")
        tell_all(backend)
    assert "hush" not in caplog.text
