"""What `manage.py relay_tasks` does while the database is away."""

import os
import signal
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import InterfaceError, InternalError, OperationalError, connection

from django_tasks_kubernetes.management.commands import relay_tasks
from django_tasks_kubernetes.relay import Relayed

pytestmark = pytest.mark.django_db(transaction=True)
AWAY = [
    OperationalError("server closed the connection unexpectedly"),
    InterfaceError("connection already closed"),
    InternalError("cannot execute SELECT FOR UPDATE in a read-only transaction"),
]


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_relay_tasks_waits_for_the_database_with_a_new_connection(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_: list[bool] = []

    def relay(using: str, should_continue: Callable[[], bool]) -> Relayed:
        open_.append(connection.connection is not None)
        connection.ensure_connection()
        if len(open_) == 1:
            raise error
        os.kill(os.getpid(), signal.SIGTERM)
        return Relayed(sent=1)

    connection.ensure_connection()
    monkeypatch.setattr(relay_tasks, "relay", relay)
    call_command("relay_tasks", "--interval", "0")
    assert open_ == [True, False]
    said = capsys.readouterr()
    assert (said.out, said.err) == ("sent 1, refused 0\n", f"not sent, the database: {error}\n")


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_relay_tasks_once_raises_without_a_database(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def relay(using: str, should_continue: Callable[[], bool]) -> Relayed:
        raise error

    monkeypatch.setattr(relay_tasks, "relay", relay)
    with pytest.raises(type(error)):
        call_command("relay_tasks", "--once")
