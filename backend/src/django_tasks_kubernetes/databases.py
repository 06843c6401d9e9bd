"""Which errors of a database pass: those of one that is away, and of a transaction that has met another one."""

import sqlite3
import time
from collections.abc import Callable
from itertools import count
from typing import Final

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connections

from django_tasks_kubernetes.jitter import backoff

# After a failover, PostgreSQL refuses what is written over a connection to the server that was the primary before by
# an InternalError (25006).
AWAY: Final = (OperationalError, InterfaceError, InternalError)

REPEATS: Final = 8
BACKOFF_SECONDS: Final = 0.05
BACKOFF_MAX_SECONDS: Final = 1.0
# Of SQLSTATE: serialization failures and deadlocks.
ROLLED_BACK: Final = "40"
SQLITE_CONFLICTS: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
# ER_LOCK_DEADLOCK; ER_CHECKREAD, of snapshots in MariaDB.
MYSQL_CONFLICTS: Final = frozenset({1213, 1020})


def close(using: str) -> None:
    """Close the connection of this thread; and, in a pool (OPTIONS["pool"]), those that are broken: each of them would
    be one more failure."""
    connection = connections[using]
    connection.close()
    if (pool := getattr(connection, "pool", None)) is not None:
        pool.check()


def is_conflict(error: DatabaseError) -> bool:
    """Whether the database has given way to another transaction: the same may succeed at once."""
    cause = error.__cause__
    if (state := getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)) is not None:
        return str(state).startswith(ROLLED_BACK)
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        # The extended codes have the primary one in their last byte.
        return code & 0xFF in SQLITE_CONFLICTS
    return cause is not None and bool(cause.args) and cause.args[0] in MYSQL_CONFLICTS


def repeated[T](do: Callable[[], T]) -> T:
    """What a whole transaction returns, begun again while the database prefers others to it."""
    for tries in count():
        try:
            return do()
        except DatabaseError as error:
            if tries == REPEATS or not is_conflict(error):
                raise
            time.sleep(backoff(BACKOFF_SECONDS, tries, BACKOFF_MAX_SECONDS))
    raise AssertionError
