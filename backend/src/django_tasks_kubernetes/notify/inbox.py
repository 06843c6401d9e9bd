"""Inbox of task ends: inserted idempotently, dispatched at least once under a row lock.

A row is claimed first (its next try is set), and dispatched in a second transaction, which holds the row. So when a
receiver kills the process, the row is tried again, later and not for ever; and no other process takes a row that is
being dispatched.
"""

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from django.db import Error, connections, transaction
from django.db.models import Count, F, Q
from django.tasks import Task, task_backends
from django.utils import timezone

from django_tasks_kubernetes.batches import ROWS_PER_QUERY, batches
from django_tasks_kubernetes.codec.find import find
from django_tasks_kubernetes.codec.resource import Resource, path_of, queue_of
from django_tasks_kubernetes.databases import repeated
from django_tasks_kubernetes.models import TaskEnd
from django_tasks_kubernetes.notify.dispatch import ERROR_MAX_CHARS, RAISED, dispatch, result_of, signal_of
from django_tasks_kubernetes.notify.ends import OF_WORKFLOW, End, ends_of
from django_tasks_kubernetes.presentation.text import message_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from django_tasks_kubernetes.backend import KubernetesBackend

logger = logging.getLogger(__name__)

TRIES: Final = 10
BACKOFF: Final = timedelta(seconds=5)
BACKOFF_MAX: Final = timedelta(minutes=10)
# Rows are kept this long at least: another process may be about to record the same end.
KEPT_AT_LEAST: Final = timedelta(minutes=10)
DEAD_LETTERS_KEPT: Final = timedelta(days=7)


def record(
    backend: "KubernetesBackend", resources: Iterable[Resource], using: str, *, dispatched: bool = False
) -> set[str]:
    """Inserts the ends that are not in the table yet, of signals that have receivers. Returns the keys of all ends.

    `dispatched`: records them as dispatched, so that no receiver is called.
    """
    now = timezone.now()
    rows = {
        end.key: _row(backend.alias, resource, end, now, dispatched)
        for resource in resources
        if _is_importable(path_of(resource))
        for end in ends_of(resource)
        if signal_of(end).has_listeners(type(backend))
    }
    if rows:
        known = set(_rows(using).filter(pk__in=rows).values_list("pk", flat=True))
        new = [row for key, row in rows.items() if key not in known]
        for batch in batches(new):
            # Another process may insert the same row first.
            _rows(using).bulk_create(batch, ignore_conflicts=True)
    return set(rows)


def dispatch_due(backends: Iterable["KubernetesBackend"], using: str) -> Iterator[str]:
    """Dispatches the ends that are due, those that have been for longest first, and yields the key of each. Ends where
    other processes have what is left."""
    by_alias = {backend.alias: backend for backend in backends}
    claimed = True
    while claimed and (keys := _due(by_alias, using)):
        claimed = False
        for key in keys:
            if (row := repeated(partial(_claim, key, using))) is not None:
                claimed = True
                _dispatch_claimed(row, by_alias, using)
                yield key


def _dispatch_claimed(row: TaskEnd, backends: dict[str, "KubernetesBackend"], using: str) -> None:
    try:
        with transaction.atomic(using):
            # None: another process has taken it since.
            if (held := _locked(_rows(using).filter(pk=row.pk, dispatched_at=None))) is not None:
                _dispatch(held, backends, using)
                _guard_commit(held, using)
    except Error:
        # A receiver broke its transaction, or the database went away: the claim has set the next try, and the next
        # query shows whether the database answers.
        logger.exception("%s: its receivers could not be called.", row.task_id)


def next_due(backends: Iterable["KubernetesBackend"], using: str) -> datetime | None:
    """When the next try is due, if any is left."""
    aliases = [backend.alias for backend in backends]
    due = _rows(using).filter(next_try_at__isnull=False, backend__in=aliases).order_by("next_try_at")
    return due.values_list("next_try_at", flat=True).first()


def of_unknown_backends(using: str) -> list[tuple[str, int]]:
    """The aliases that TASKS does not have and whose ends are still to be dispatched, with how many."""
    rows = _rows(using).filter(next_try_at__isnull=False).exclude(backend__in=list(task_backends.settings))
    return list(rows.order_by("backend").values_list("backend").annotate(Count("pk")))


def undispatched(uid: str, using: str) -> list[datetime | None]:
    """When the ends of the task with that uid that are not dispatched are tried next; None for a dead letter."""
    return list(_rows(using).filter(pk__startswith=uid, dispatched_at=None).values_list("next_try_at", flat=True))


def undispatched_tasks(using: str) -> set[str]:
    """The names of all tasks with ends that are not dispatched, dead letters among them."""
    return set(_rows(using).filter(dispatched_at=None).values_list("task_id", flat=True))


def requeue_dead_letters(using: str) -> int:
    """Makes all dead letters due again. Returns how many there were."""
    return _rows(using).filter(dispatched_at=None, next_try_at=None).update(tries=0, next_try_at=timezone.now())


def requeue(key: str, using: str) -> bool:
    """Makes an end due again, whatever came of its tries. Returns False for one that is dispatched or gone."""
    rows = _rows(using).filter(pk=key, dispatched_at=None)
    return bool(rows.update(tries=0, next_try_at=timezone.now()))


def discard(key: str, using: str) -> bool:
    """Calls no more receivers for an end. Returns False for one that is dispatched or gone. The row stays: without it,
    the end would be new to the next process that sees it."""
    rows = _rows(using).filter(pk=key, dispatched_at=None)
    return bool(rows.update(dispatched_at=timezone.now(), next_try_at=None, resource=""))


def prune(alias: str, uids: Collection[str], listed_at: datetime, using: str, *, of_workflows: bool = False) -> int:
    """Deletes the rows of tasks, or workflows, that are gone. `uids`: of all that existed at `listed_at`. Returns how
    many."""
    kind = Q(pk__endswith=OF_WORKFLOW)
    rows = _rows(using).filter(kind if of_workflows else ~kind)
    old = rows.filter(backend=alias, next_try_at=None, seen_at__lt=listed_at - KEPT_AT_LEAST)
    gone = [
        key
        for key, uid, dispatched_at, seen_at in old.values_list("pk", "uid", "dispatched_at", "seen_at").iterator()
        if uid not in uids and (dispatched_at is not None or seen_at < listed_at - DEAD_LETTERS_KEPT)
    ]
    for start in range(0, len(gone), ROWS_PER_QUERY):
        _rows(using).filter(pk__in=gone[start : start + ROWS_PER_QUERY], next_try_at=None).delete()
    return len(gone)


@cache
def _is_importable(path: str) -> bool:
    """Whether there is such a task here. Another project may have tasks in the namespace too."""
    try:
        return isinstance(find(path), Task)
    except Exception as error:  # noqa: BLE001 - whatever importing somebody's module raises
        logger.warning("No receiver is called for tasks %s, which cannot be imported here: %s", path, error)
        return False


def _rows(using: str) -> "QuerySet[TaskEnd]":
    return TaskEnd.objects.using(using)


def _row(alias: str, resource: Resource, end: End, now: datetime, dispatched: bool) -> TaskEnd:
    return TaskEnd(
        key=end.key,
        uid=end.uid,
        task_id=resource["metadata"]["name"],
        attempt=end.attempt,
        backend=alias,
        task=path_of(resource),
        queue=queue_of(resource),
        resource="" if dispatched else json.dumps(resource, separators=(",", ":")),
        seen_at=now,
        dispatched_at=now if dispatched else None,
        next_try_at=None if dispatched else now,
    )


def _locked(rows: "QuerySet[TaskEnd]") -> TaskEnd | None:
    skip = connections[rows.db].features.has_select_for_update_skip_locked
    return rows.select_for_update(skip_locked=skip).first()


def _due(aliases: Iterable[str], using: str) -> list[str]:
    """The first rows that are due. Many at once, and without a lock: see the relay. Dead letters that somebody tries
    again are due at one time."""
    due = _rows(using).filter(next_try_at__lte=timezone.now(), backend__in=list(aliases))
    # Ends that were seen at once are due at once: a task's attempts come in their order, and then its end.
    ordered = due.order_by("next_try_at", "uid", F("attempt").asc(nulls_last=True))
    return list(ordered.values_list("pk", flat=True)[:ROWS_PER_QUERY])


def _claim(key: str, using: str) -> TaskEnd | None:
    """None where another process has it, or has had it."""
    with transaction.atomic(using):
        if (row := _locked(_rows(using).filter(pk=key, next_try_at__lte=timezone.now()))) is None:
            return None
        row.tries += 1
        row.next_try_at = timezone.now() + min(BACKOFF * 2 ** min(row.tries - 1, 16), BACKOFF_MAX)
        row.save(using=using, update_fields=["tries", "next_try_at"])
    return row


def _dispatch(row: TaskEnd, backends: dict[str, "KubernetesBackend"], using: str) -> None:
    # Each earlier try has ended the process.
    if row.tries > TRIES:
        _dead_letter(row, row.error or "the process ended at each try", using)
        return
    backend = backends[row.backend]
    try:
        resource: Resource = json.loads(row.resource)
        end, result = End.of(resource, row.attempt), result_of(backend, resource)
    except Exception as error:  # noqa: BLE001 - a resource written by hand, or by another version of this package
        row.error = f"{type(error).__name__}: {message_of(error, ERROR_MAX_CHARS)}"
    else:
        done = dispatch(end, result, type(backend), row.dispatched_to.splitlines(), using)
        row.dispatched_to, row.error = "\n".join(done.names), done.error
    if not row.error:
        row.dispatched_at, row.next_try_at, row.resource = timezone.now(), None, ""
        what = "" if row.attempt is None else f" of attempt {row.attempt}"
        logger.info("%s: the end%s is dispatched.", row.task_id, what)
    elif row.tries >= TRIES:
        _dead_letter(row, row.error, using)
        return
    row.save(using=using)


def _guard_commit(row: TaskEnd, using: str) -> None:
    """What receivers have left to the commit runs after it, when none of them can be called again: so what fails there
    keeps nothing else from running."""
    connection: Any = connections[using]  # the stubs know of no robust callbacks
    connection.run_on_commit = [
        (savepoints, partial(_run_guarded, call, row.task_id), robust)
        for savepoints, call, robust in connection.run_on_commit
    ]


def _run_guarded(call: Callable[[], object], task_id: str) -> None:
    try:
        call()
    except RAISED:
        logger.exception("%s: what a receiver left to the commit failed, and is not called again.", task_id)


def _dead_letter(row: TaskEnd, error: str, using: str) -> None:
    logger.error(
        "%s: dead-lettered after %d tries to dispatch its end: %s. `manage.py watch_tasks --again` retries it.",
        row.task_id,
        row.tries,
        error,
    )
    row.error, row.next_try_at = error, None
    row.save(using=using)
