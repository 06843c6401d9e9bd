"""The events that are to be told, as rows: noted once, whoever sees them, and told once, whoever is at it.

A row is claimed first (its next try is set), and then told in a second transaction, which holds the row. So a process
that dies with a receiver leaves it to be told again, later and not for ever; and nobody else takes what is being told.
"""

import json
import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from django.db import Error, connections, transaction
from django.tasks import Task
from django.utils import timezone
from django.utils.module_loading import import_string

from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.models import TaskEvent
from django_tasks_kubernetes.watcher.events import Event, events_of
from django_tasks_kubernetes.watcher.receivers import signal_of, tell

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from django_tasks_kubernetes.backend import KubernetesBackend

logger = logging.getLogger(__name__)

TRIES: Final = 10
BACKOFF: Final = timedelta(seconds=5)
BACKOFF_MAX: Final = timedelta(minutes=10)
ROWS_A_QUERY: Final = 500
# How long a row is kept at least: another watcher may still be about to note the same event.
KEPT_AT_LEAST: Final = timedelta(minutes=10)
GIVEN_UP_KEPT: Final = timedelta(days=7)


def note(backend: "KubernetesBackend", resources: Iterable[Resource], using: str, *, as_told: bool = False) -> set[str]:
    """Writes the rows that are not there yet, of the signals that anybody receives. The keys of all events.

    `as_told`: nobody is told of them any more.
    """
    now = timezone.now()
    rows = {
        event.key: _row(backend.alias, resource, event, now, as_told)
        for resource in resources
        if _is_here(resource["spec"]["task"])
        for event in events_of(resource)
        if signal_of(event).has_listeners(type(backend))
    }
    if rows:
        known = set(_rows(using).filter(pk__in=rows).values_list("pk", flat=True))
        new = [row for key, row in rows.items() if key not in known]
        # Of two watchers that see the same, one is faster.
        TaskEvent.objects.using(using).bulk_create(new, batch_size=ROWS_A_QUERY, ignore_conflicts=True)
    return set(rows)


def tell_next(backends: Iterable["KubernetesBackend"], using: str) -> bool:
    """Tells of the event that has been due for longest. False where none is."""
    by_alias = {backend.alias: backend for backend in backends}
    row = _claim(by_alias, using)
    if row is None:
        return False
    try:
        with transaction.atomic(using):
            # None: another watcher is at it, which took it since.
            if (held := _locked(_rows(using).filter(pk=row.pk, told_at=None))) is not None:
                _tell(held, by_alias, using)
    except Error:
        # A receiver that does without its transaction, or a database that went away: the claim says when it is tried
        # again, and the next one who asks the database finds out.
        logger.exception("Task %s: its receivers could not be told.", row.task_id)
    return True


def next_due(backends: Iterable["KubernetesBackend"], using: str) -> datetime | None:
    """When the next try is due, if any is left."""
    aliases = [backend.alias for backend in backends]
    due = _rows(using).filter(next_try_at__isnull=False, backend__in=aliases).order_by("next_try_at")
    return due.values_list("next_try_at", flat=True).first()


def is_untold(uid: str, using: str) -> bool:
    """Whether somebody is still to be told of that task."""
    return _rows(using).filter(uid=uid, next_try_at__isnull=False).exists()


def tell_again(using: str) -> int:
    """Makes what was given up due once more. How many events that are."""
    given_up = _rows(using).filter(told_at=None, next_try_at=None)
    return given_up.update(tries=0, next_try_at=timezone.now())


def prune(alias: str, uids: Collection[str], listed_at: datetime, using: str) -> int:
    """Deletes the rows of tasks that are gone. `uids`: of all tasks that there were at `listed_at`. How many."""
    old = _rows(using).filter(backend=alias, next_try_at=None, seen_at__lt=listed_at - KEPT_AT_LEAST)
    gone = [
        key
        for key, uid, told_at, seen_at in old.values_list("pk", "uid", "told_at", "seen_at").iterator()
        if uid not in uids and (told_at is not None or seen_at < listed_at - GIVEN_UP_KEPT)
    ]
    for start in range(0, len(gone), ROWS_A_QUERY):
        _rows(using).filter(pk__in=gone[start : start + ROWS_A_QUERY], next_try_at=None).delete()
    return len(gone)


@cache
def _is_here(path: str) -> bool:
    """Whether there is such a task. Another project may have tasks in the namespace too."""
    try:
        return isinstance(import_string(path), Task)
    except Exception as error:  # noqa: BLE001 - whatever importing somebody's module raises
        logger.warning("Nobody is told of tasks %s, which cannot be imported here: %s", path, error)
        return False


def _rows(using: str) -> "QuerySet[TaskEvent]":
    return TaskEvent.objects.using(using)


def _row(alias: str, resource: Resource, event: Event, now: datetime, as_told: bool) -> TaskEvent:
    return TaskEvent(
        key=event.key,
        uid=event.uid,
        task_id=resource["metadata"]["name"],
        attempt=event.attempt,
        backend=alias,
        resource="" if as_told else json.dumps(resource, separators=(",", ":")),
        seen_at=now,
        told_at=now if as_told else None,
        next_try_at=None if as_told else now,
    )


def _locked(rows: "QuerySet[TaskEvent]") -> TaskEvent | None:
    skip = connections[rows.db].features.has_select_for_update_skip_locked
    return rows.select_for_update(skip_locked=skip).first()


def _claim(aliases: Iterable[str], using: str) -> TaskEvent | None:
    with transaction.atomic(using):
        due = _rows(using).filter(next_try_at__lte=timezone.now(), backend__in=list(aliases))
        row = _locked(due.order_by("next_try_at", "pk"))
        if row is None:
            return None
        row.tries += 1
        row.next_try_at = timezone.now() + min(BACKOFF * 2 ** min(row.tries - 1, 16), BACKOFF_MAX)
        row.save(using=using, update_fields=["tries", "next_try_at"])
    return row


def _tell(row: TaskEvent, backends: dict[str, "KubernetesBackend"], using: str) -> None:
    # Each time that it was tried before, the process ended.
    if row.tries > TRIES:
        _give_up(row, row.error or "the process ended each time that it was tried", using)
        return
    resource: Resource = json.loads(row.resource)
    backend = backends[row.backend]
    try:
        event, result = Event.of(resource, row.attempt), backend.decoded(resource)
    except Exception as error:  # noqa: BLE001 - of a resource that somebody has written by hand, or another version of this
        row.error = f"{type(error).__name__}: {error}"
    else:
        told = tell(event, result, type(backend), row.told_to.splitlines(), using)
        row.told_to, row.error = "\n".join(told.names), told.error
    if not row.error:
        row.told_at, row.next_try_at, row.resource = timezone.now(), None, ""
        logger.info("Task %s: it is told how %s ended.", row.task_id, "it" if row.attempt is None else "an attempt")
    elif row.tries >= TRIES:
        _give_up(row, row.error, using)
        return
    row.save(using=using)


def _give_up(row: TaskEvent, error: str, using: str) -> None:
    logger.error(
        "Task %s: given up after %d tries to tell how it ended: %s. `manage.py watch_tasks --again` tries anew.",
        row.task_id,
        row.tries,
        error,
    )
    row.error, row.next_try_at = error, None
    row.save(using=using)
