"""The transactional outbox: a task is a row first, in the transaction that enqueues it, and sent after the commit, by
the same process or, when that could not, by `relay`.

The row's key is the resource's name, so a row that is sent twice is refused the second time, and makes one task.
"""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import batched
from typing import Final

from django.db import connections, transaction
from django.tasks.signals import task_enqueued
from django.utils import timezone

from django_tasks_kubernetes.batches import ROWS_PER_QUERY, batches
from django_tasks_kubernetes.codec.resource import Resource, path_of, queue_of
from django_tasks_kubernetes.enqueue.bulk import SYSTEMIC, create_all
from django_tasks_kubernetes.enqueue.new_task import NewTask
from django_tasks_kubernetes.enqueue.on_commit import on_commit
from django_tasks_kubernetes.enqueue.writer import TaskWriter
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.store import TaskStore, store_of
from django_tasks_kubernetes.stores.outbox import resource_of

logger = logging.getLogger(__name__)

# How long the process that wrote a row has it for itself.
OWN_TRY: Final = timedelta(seconds=5)
# As many as are sent in that time.
SENT_AT_ONCE: Final = 100


def put(writer: TaskWriter, tasks: Sequence[NewTask], using: str) -> None:
    """Writes the rows in the current transaction, and tries to send them once it is committed."""
    now = timezone.now()
    rows = [_row(writer.alias, new.resource, now) for new in tasks]
    # All or none, also where there is no transaction yet. And callbacks, where autocommit is off: Django takes them in
    # atomic() alone.
    with transaction.atomic(using, savepoint=False):
        for batch in batches(rows):
            # Of two with the same idempotency key, the second is none.
            OutboxTask.objects.using(using).bulk_create(batch, ignore_conflicts=True)
        on_commit([new.name for new in tasks], partial(_send, writer, tasks, now, using), using=using, robust=True)


def put_resource(alias: str, resource: Resource, store: Callable[[], TaskStore], using: str) -> None:
    """The same for a resource that is no task, such as a workflow. `alias`: in TASKS. `store`: where it goes."""
    now = timezone.now()
    row = _row(alias, resource, now)
    with transaction.atomic(using, savepoint=False):
        OutboxTask.objects.using(using).bulk_create([row], ignore_conflicts=True)
        on_commit([row.pk], partial(_send_resource, store, row.pk, using), using=using, robust=True)


def _row(alias: str, resource: Resource, now: datetime) -> OutboxTask:
    return OutboxTask(
        id=resource["metadata"]["name"],
        backend=alias,
        task=path_of(resource),
        queue=queue_of(resource),
        resource=json.dumps(resource, separators=(",", ":")),
        created_at=now,
        next_try_at=now + OWN_TRY,
    )


def _send_resource(store: Callable[[], TaskStore], name: str, using: str) -> None:
    rows = list(OutboxTask.objects.using(using).filter(pk=name))
    resources = [resource_of(row) for row in rows]
    _, failed = create_all(lambda resource: store_of(store(), resource).create(resource), resources)
    if failed:
        logger.warning("%s is in the outbox, and left to the relay: %s", name, failed[0][1])
    elif rows:
        _delete_sent(store_of(store(), resources[0]), using, rows)


def _send(writer: TaskWriter, tasks: Sequence[NewTask], written_at: datetime, using: str) -> None:
    """Sends the rows of the tasks. What does not succeed here is the relay's to do: enqueue() has returned.

    What is sent is what the rows say: with an idempotency key, the row may be that of somebody before.
    """
    names = list(dict.fromkeys(new.name for new in tasks))
    own = _own(using, names, written_at)
    unannounced = set(own)
    for new in tasks:
        if new.name in unannounced:
            # Of two with the same key in one call, the first.
            unannounced.remove(new.name)
            task_enqueued.send_robust(writer.sender, task_result=new.result)
    created, left = _send_rows(writer, names, written_at, using)
    for new in tasks:
        if new.name in created & own:
            new.result.note_enqueued_by(writer.store().enqueued_by)
    if left:
        logger.warning("%d tasks are in the outbox, and left to the relay: %s", len(left), left[0])


def _send_rows(
    writer: TaskWriter, names: Sequence[str], written_at: datetime, using: str
) -> tuple[set[str], list[Exception]]:
    """Returns the names of those that are new, and for each that is left to the relay the error."""
    created: set[str] = set()
    left: list[Exception] = []
    for start in range(0, len(names), SENT_AT_ONCE):
        rows = _claimed(using, names[start : start + SENT_AT_ONCE], written_at)
        # A process may have no way to the cluster at all, as a task's pod: asked for within, that is an error like
        # another.
        done, failed = create_all(
            lambda resource: writer.best_effort_store().create(resource), [resource_of(row) for row in rows]
        )
        created.update(rows[index].pk for index, known in done.items() if known is None)
        left.extend(error for _, error in failed)
        if done:
            _delete_sent(writer.store(), using, [rows[index] for index in done])
        if (problem := next((error for error in left if isinstance(error, SYSTEMIC)), None)) is not None:
            left.extend([problem] * (len(names) - start - SENT_AT_ONCE))
            break
    return created, left


def _own(using: str, names: Sequence[str], written_at: datetime) -> set[str]:
    """Those whose row is of this call."""
    found = OutboxTask.objects.using(using).filter(created_at=written_at)
    return {
        pk for part in batched(names, ROWS_PER_QUERY) for pk in found.filter(pk__in=part).values_list("pk", flat=True)
    }


def _claimed(using: str, names: Sequence[str], written_at: datetime) -> list[OutboxTask]:
    """The rows that are left, without those that a relay is sending. They are this process's for a time again, where
    its own is nearly over: a row that both send makes two tasks where the first one ends, and is deleted, between."""
    rows = OutboxTask.objects.using(using).filter(pk__in=names)
    if (now := timezone.now()) < written_at + OWN_TRY / 2:
        return list(rows)
    with transaction.atomic(using):
        skip = connections[using].features.has_select_for_update_skip_locked
        held = list(rows.select_for_update(skip_locked=skip))
        OutboxTask.objects.using(using).filter(pk__in=[row.pk for row in held], next_try_at__lt=now + OWN_TRY).update(
            next_try_at=now + OWN_TRY
        )
    return held


def _delete_sent(store: TaskStore, using: str, rows: Sequence[OutboxTask]) -> None:
    """Deletes the rows that the cluster has. Those that somebody has cancelled meanwhile are cancelled there."""
    for start in range(0, len(rows), ROWS_PER_QUERY):
        part = rows[start : start + ROWS_PER_QUERY]
        # Not others: with an idempotency key, another call may just have replaced the row.
        same = OutboxTask.objects.using(using).filter(
            pk__in=[row.pk for row in part], created_at__in={row.created_at for row in part}
        )
        same.filter(cancel_reason=None).delete()
        for row in same:
            store.cancel(row.pk, row.cancel_reason or "")
            same.filter(pk=row.pk).delete()
