"""The transactional outbox: a task is a row first, in the transaction that enqueues it, and sent after the commit, by
the same process or, when that could not, by a relay (`manage.py relay_tasks`).

The row's key is the resource's name, so a row that is sent twice is refused the second time, and makes one task.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.db import connections, transaction
from django.tasks import task_backends
from django.tasks.exceptions import TaskException, TaskResultDoesNotExist
from django.tasks.signals import task_enqueued
from django.utils import timezone

from django_tasks_kubernetes.bulk import SYSTEMIC, create_all
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.commit import on_commit
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.new_task import NewTask

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend, Store
    from django_tasks_kubernetes.watching.subscription import Subscription

logger = logging.getLogger(__name__)

# How long the process that wrote a row has it for itself.
OWN_TRY: Final = timedelta(seconds=5)
REFUSED_BACKOFF: Final = timedelta(seconds=5)
REFUSED_BACKOFF_MAX: Final = timedelta(minutes=5)
ERROR_MAX_CHARS: Final = 2000
ROWS_A_QUERY: Final = 500


def put(backend: "KubernetesBackend", tasks: Sequence[NewTask]) -> None:
    """Writes the rows in the current transaction, and tries to send them once it is committed."""
    now, using = timezone.now(), backend.parsed_options.database
    rows = [
        OutboxTask(
            id=new.name,
            backend=backend.alias,
            resource=json.dumps(new.resource, separators=(",", ":")),
            created_at=now,
            next_try_at=now + OWN_TRY,
        )
        for new in tasks
    ]
    # Of two with the same idempotency key, the second is none.
    OutboxTask.objects.using(using).bulk_create(rows, batch_size=ROWS_A_QUERY, ignore_conflicts=True)
    on_commit(tasks, partial(_committed, backend, tasks, now), using=using, robust=True)


def _committed(backend: "KubernetesBackend", tasks: Sequence[NewTask], now: datetime) -> None:
    """What does not succeed here is the relay's to do: the caller has been told that it is enqueued, and it is.

    What is sent is what the rows say: with an idempotency key, the row may be that of somebody before.
    """
    using = backend.parsed_options.database
    rows = _rows(using, [new.name for new in tasks])
    own = {row.pk for row in rows if row.created_at == now}
    for new in tasks:
        if new.name in own:
            task_enqueued.send_robust(type(backend), task_result=new.result)
    # A process may have no way to the cluster at all, as a task's pod: asked for within, that is an error like another.
    done, failed = create_all(lambda resource: backend.quick_store.create(resource), [_resource(row) for row in rows])
    if failed:
        logger.warning("%d tasks are in the outbox, and left to the relay: %s", len(failed), failed[0][1])
    if done:
        _sent(backend.store, using, [rows[index] for index in done])


def _rows(using: str, names: Sequence[str]) -> list[OutboxTask]:
    parts = [names[start : start + ROWS_A_QUERY] for start in range(0, len(names), ROWS_A_QUERY)]
    return [row for part in parts for row in OutboxTask.objects.using(using).filter(pk__in=part)]


def _sent(store: "Store", using: str, rows: Sequence[OutboxTask]) -> None:
    """The cluster has them. Those that somebody has cancelled meanwhile are cancelled there."""
    for start in range(0, len(rows), ROWS_A_QUERY):
        part = rows[start : start + ROWS_A_QUERY]
        # Not others: with an idempotency key, somebody may just have written the row anew.
        same = OutboxTask.objects.using(using).filter(
            pk__in=[row.pk for row in part], created_at__in={row.created_at for row in part}
        )
        same.filter(cancel_reason=None).delete()
        for row in same:
            store.cancel(row.pk, row.cancel_reason or "")
            same.filter(pk=row.pk).delete()


def find(using: str, name: str) -> Resource | None:
    """A row as the resource that it becomes."""
    row = OutboxTask.objects.using(using).filter(pk=name).first()
    return None if row is None else _resource(row)


def cancel(using: str, name: str, reason: str) -> bool:
    """Whether there is such a row. It is sent all the same, so that the cluster tells what became of it."""
    rows = OutboxTask.objects.using(using).filter(pk=name)
    return bool(rows.filter(cancel_reason=None).update(cancel_reason=reason)) or rows.exists()


def _resource(row: OutboxTask) -> Resource:
    resource: Resource = json.loads(row.resource)
    if row.cancel_reason is not None:
        resource["spec"] |= {"cancel": True, "cancelReason": row.cancel_reason}
    return resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """`sent`: tasks that the cluster has now. `refused`: that it did not take. `away`: why no more were tried."""

    sent: int = 0
    refused: int = 0
    away: str | None = None


def relay(using: str, goes_on: Callable[[], bool] = lambda: True) -> Relayed:
    """Sends every row that is due, each in a transaction of its own. Several relays share the work.

    `goes_on`: asked before each row.
    """
    done = Relayed()
    while done.away is None and goes_on():
        with transaction.atomic(using):
            rows = OutboxTask.objects.using(using).filter(next_try_at__lte=timezone.now()).order_by("next_try_at", "pk")
            skip = connections[using].features.has_select_for_update_skip_locked
            row = rows.select_for_update(skip_locked=skip).first()
            if row is None:
                break
            done = _relay_one(row, using, done)
    return done


def _relay_one(row: OutboxTask, using: str, done: Relayed) -> Relayed:
    try:
        store = _backend(row.backend).store
        store.create(_resource(row))
        if row.cancel_reason is not None:
            # Where it was created before, by a process that did not know of this.
            store.cancel(row.pk, row.cancel_reason)
    except SYSTEMIC as error:
        _put_off(row, error, REFUSED_BACKOFF)
        return replace(done, away=str(error))
    except (TaskException, ValueError) as error:
        wait = min(REFUSED_BACKOFF * 2 ** min(row.tries, 16), REFUSED_BACKOFF_MAX)
        logger.error("Task %s is in the outbox and cannot be sent; next try in %s: %s", row.pk, wait, error)
        _put_off(row, error, wait)
        return replace(done, refused=done.refused + 1)
    row.delete()
    return replace(done, sent=done.sent + 1)


def _put_off(row: OutboxTask, error: Exception, wait: timedelta) -> None:
    row.tries += 1
    row.error = str(error).replace("\0", "")[:ERROR_MAX_CHARS]
    row.next_try_at = timezone.now() + wait
    row.save(update_fields=["tries", "error", "next_try_at"])


def _backend(alias: str) -> "KubernetesBackend":
    from django_tasks_kubernetes.backend import KubernetesBackend

    backend: Any = task_backends[alias] if alias in task_backends.settings else None
    if not isinstance(backend, KubernetesBackend):
        raise ValueError(
            f"TASKS has no backend {alias!r} that runs tasks on Kubernetes. Bring it back, or delete the row."
        )
    return backend


class OutboxStore:
    """A store whose tasks may be rows still."""

    def __init__(self, store: "Store", using: str) -> None:
        self._store = store
        self._using = using

    def create(self, resource: Resource) -> Resource | None:
        return self._store.create(resource)

    def get(self, name: str) -> Resource:
        try:
            return self._store.get(name)
        except TaskResultDoesNotExist:
            found = find(self._using, name)
        # Neither: it may have been sent between the two looks.
        return self._store.get(name) if found is None else found

    def cancel(self, name: str, reason: str) -> Resource:
        try:
            return self._store.cancel(name, reason)
        except TaskResultDoesNotExist:
            cancelled = cancel(self._using, name, reason)
        try:
            return self._store.cancel(name, reason)
        except TaskResultDoesNotExist:
            found = find(self._using, name) if cancelled else None
            if found is None:
                raise
            return found

    def find(self, selector: str) -> Iterator[Resource]:
        return self._store.find(selector)

    def pending(self, name: str) -> bool:
        return OutboxTask.objects.using(self._using).filter(pk=name).exists()

    def subscribe(self, subscription: "Subscription") -> "Callable[[], None]":
        return self._store.subscribe(subscription)

    def names(self) -> Iterator[str]:
        # Before the others: what is sent meanwhile is in both.
        yield from list(OutboxTask.objects.using(self._using).values_list("pk", flat=True))
        yield from self._store.names()
