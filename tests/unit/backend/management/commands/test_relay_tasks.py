"""What `manage.py relay_tasks` does while the database is away."""

import os
import signal
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, connection, connections
from django.test import override_settings

from django_tasks_kubernetes.management import tables
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


@pytest.mark.parametrize("words", [["--once"], []], ids=repr)
@pytest.mark.parametrize("error", [ProgrammingError, OperationalError])  # of PostgreSQL, and of SQLite
def test_relay_tasks_ends_without_its_table_and_says_what_to_do(
    error: type[Exception], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def relay(using: str, should_continue: Callable[[], bool]) -> Relayed:
        raise error("there is no such table")

    monkeypatch.setattr(relay_tasks, "relay", relay)
    monkeypatch.setattr(tables, "table_names", lambda database: [])
    with pytest.raises(CommandError, match=r"no table django_tasks_kubernetes_outboxtask\. Run manage\.py migrate\."):
        call_command("relay_tasks", *words)


@pytest.mark.parametrize(
    ("outboxes", "words", "expected"),
    [
        ({"a": "default", "b": "other"}, [], ["default", "other"]),
        ({"a": "other", "b": "other"}, [], ["other"]),
        ({"a": "other"}, ["--database", "default"], ["default"]),
        ({}, [], ["default"]),
    ],
)
def test_relay_tasks_reads_the_databases_of_the_outboxes(
    outboxes: dict[str, str], words: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the chart starts it, without options. Rows elsewhere would wait for ever, and nothing would say so."""
    read: list[str] = []

    def relay(using: str, should_continue: Callable[[], bool]) -> Relayed:
        read.append(using)
        return Relayed()

    backend = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": []}
    tasks = {
        alias: backend | {"OPTIONS": {"ENQUEUE": "outbox", "DATABASE": using}} for alias, using in outboxes.items()
    }
    monkeypatch.setitem(connections.settings, "other", connections.settings["default"])
    plain = {"default": backend, "missing": {"BACKEND": "no.such.Backend"}}
    monkeypatch.setattr(relay_tasks, "relay", relay)
    with override_settings(TASKS=plain | tasks):
        call_command("relay_tasks", "--once", *words)
    assert read == expected
