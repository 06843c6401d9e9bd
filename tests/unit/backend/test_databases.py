"""Which errors of a database pass."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, InternalError, OperationalError, connection, connections

from django_tasks_kubernetes import databases
from django_tasks_kubernetes.databases import is_conflict, repeated


def _made(type_: type[DatabaseError], cause: BaseException | None) -> DatabaseError:
    error = type_("of the driver")
    error.__cause__ = cause
    return error


def _with(name: str, value: object) -> BaseException:
    cause = Exception("of the driver")
    setattr(cause, name, value)
    return cause


def _locked(path: Path) -> BaseException:
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as one,
        closing(sqlite3.connect(path, timeout=0)) as other,
    ):
        one.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            other.execute("SELECT * FROM sqlite_master")
    return caught.value


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (_with("sqlstate", "40001"), True),
        (_with("sqlstate", "40P01"), True),
        (_with("pgcode", "40001"), True),
        (_with("sqlstate", "57P01"), False),
        (_with("sqlstate", None), False),
        (Exception(1213, "Deadlock found when trying to get lock"), True),
        (Exception(2006, "Server has gone away"), False),
        (_with("sqlite_errorcode", sqlite3.SQLITE_BUSY_SNAPSHOT), True),
        (_with("sqlite_errorcode", sqlite3.SQLITE_FULL), False),
        (None, False),
    ],
    ids=repr,
)
def test_a_conflict_is_known_by_the_code_of_the_driver(cause: BaseException | None, expected: bool) -> None:
    assert is_conflict(_made(OperationalError, cause)) == expected


def test_a_locked_database_of_sqlite_is_a_conflict(tmp_path: Path) -> None:
    assert is_conflict(_made(OperationalError, _locked(tmp_path / "db.sqlite3")))


@pytest.mark.parametrize(("conflicts", "expected"), [(databases.REPEATS, "done"), (databases.REPEATS + 1, None)])
def test_a_transaction_with_conflicts_is_begun_again(
    monkeypatch: pytest.MonkeyPatch, conflicts: int, expected: str | None
) -> None:
    monkeypatch.setattr(databases, "BACKOFF_SECONDS", 0)
    left = [_made(OperationalError, _with("sqlstate", "40001")) for _ in range(conflicts)]

    def do() -> str:
        if left:
            raise left.pop()
        return "done"

    if expected is None:
        with pytest.raises(OperationalError):
            repeated(do)
    else:
        assert repeated(do) == expected


@pytest.mark.django_db(transaction=True)
def test_broken_connections_of_a_pool_are_replaced_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are as many as the pool has, and each would put off the next try."""
    checked = []
    connection.ensure_connection()
    pool = SimpleNamespace(check=lambda: checked.append(connection.connection))
    monkeypatch.setattr(connections["default"], "pool", pool, raising=False)
    databases.close("default")
    assert checked == [None]


def test_another_error_is_raised_at_once() -> None:
    tries = []

    def do() -> None:
        tries.append(1)
        raise InternalError("cannot execute SELECT FOR UPDATE in a read-only transaction")

    with pytest.raises(InternalError):
        repeated(do)
    assert len(tries) == 1
