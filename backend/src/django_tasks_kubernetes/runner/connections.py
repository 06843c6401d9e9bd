"""Closes what this process has open at databases and caches. Imports neither."""

import sys

from django_tasks_kubernetes.runner.log import logger


def close_databases() -> None:
    """Close the connections of this thread, and the pools of the process (OPTIONS["pool"]): they would hold theirs, and
    the end of the process would wait for their threads. What fails is logged."""
    if "django.db" not in sys.modules:
        return
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        for name in ("close", "close_pool"):
            try:
                getattr(connection, name, lambda: None)()
            except Exception:  # noqa: BLE001 - the outcome is known, or the task will find out
                logger.exception("%s of the database %r has failed.", name, connection.alias)


def close_caches() -> None:
    """What fails is logged."""
    from django.core.cache import caches

    try:
        caches.close_all()
    except Exception:  # noqa: BLE001 - the task will find out
        logger.exception("A connection to a cache could not be closed.")
