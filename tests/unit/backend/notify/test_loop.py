"""The loop ends where it cannot continue, and nothing hangs for ever."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, InternalError, OperationalError
from django.tasks import task_backends

from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.notify import follower as follower_module
from django_tasks_kubernetes.notify import inbox
from django_tasks_kubernetes.notify import loop as loop_module
from django_tasks_kubernetes.notify.follower import Follower
from django_tasks_kubernetes.notify.loop import NotifyLoop, Unrecoverable
from django_tasks_kubernetes.watchdog import Watchdog
from tests.unit.backend.kube.test_client import status
from tests.unit.backend.notify.scripted_api import api, named
from tests.unit.backend.notify.test_ends import attempt, failure
from tests.unit.backend.web_server import Server

OOM = failure("OOMKilled", attempt(1, "OOMKilled"))


@pytest.fixture
def loop(client: Client, monkeypatch: pytest.MonkeyPatch) -> NotifyLoop:
    monkeypatch.setattr(loop_module, "STOP_SECONDS", 0.01)
    monkeypatch.setattr(loop_module, "POLL_SECONDS", 0.01)
    # Tests before this one may have left a connection open, and these may not use it.
    monkeypatch.setattr(loop_module, "close_old_connections", lambda: None)
    monkeypatch.setattr(inbox, "dispatch_due", lambda backends, using: iter(()))
    monkeypatch.setattr(inbox, "of_unknown_backends", lambda using: [])
    monkeypatch.setattr(loop_module.NotifyLoop, "_prune", lambda self, follower: None)
    backends: Any = [task_backends["default"], task_backends["other"]]
    return NotifyLoop(backends, "default", Watchdog(hang_seconds=0))


def test_loop_has_one_follower_for_two_backends_of_a_namespace(loop: NotifyLoop) -> None:
    assert len(loop.followers) == 1


def test_loop_ends_on_a_missing_permission(server: Server, loop: NotifyLoop, recorded: list[Any]) -> None:
    server.answer = api([])
    with pytest.raises(Unrecoverable, match=r"Watching the DjangoTasks of shop ended: .*cannot watch resource"):
        loop.run()


def test_loop_ends_when_the_api_server_stays_unavailable(
    server: Server, loop: NotifyLoop, recorded: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "AWAY_MAX_SECONDS", 0.05)
    server.answer = lambda request: status(503, "starting")
    with pytest.raises(Unrecoverable, match="has not been possible for"):
        loop.run()


@pytest.mark.parametrize("error", [OperationalError("refused"), InternalError("a read-only transaction")], ids=repr)
def test_loop_ends_when_the_database_stays_unavailable(
    loop: NotifyLoop, monkeypatch: pytest.MonkeyPatch, error: DatabaseError
) -> None:
    def away(backends: Any, using: str) -> Iterator[str]:
        raise error

    monkeypatch.setattr(loop_module, "AWAY_MAX_SECONDS", 0.05)
    monkeypatch.setattr(inbox, "dispatch_due", away)
    monkeypatch.setattr(Follower, "start", lambda self: None)
    with pytest.raises(Unrecoverable, match=f"The database has not answered for .*{error}"):
        loop.run()


def test_loop_ends_when_the_database_blocks_a_follower(
    server: Server, loop: NotifyLoop, recorded: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon would not see it: the thread that it looks at gets its answers."""
    server.answer = api([named("a", OOM)])
    answered = threading.Event()
    monkeypatch.setattr(follower_module, "record", lambda *args, **kwargs: answered.wait(30))
    monkeypatch.setattr(Watchdog, "_restart_timer", lambda self, extra_seconds: None)
    loop._watchdog.hang_seconds = 0.05
    with pytest.raises(Unrecoverable, match="DjangoTasks of shop: the database has not answered"):
        loop.run()
    answered.set()


def test_loop_says_whose_ends_nobody_dispatches(
    loop: NotifyLoop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inbox, "of_unknown_backends", lambda using: [("former", 2)])
    monkeypatch.setattr(Follower, "list", lambda self, dispatched: None)
    assert loop.once(skip=True)
    assert "2 ends of the backend 'former' are not dispatched" in caplog.text
