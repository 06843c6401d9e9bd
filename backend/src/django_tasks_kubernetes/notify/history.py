"""The history: a row for each task that ended, for as long as OPTIONS["HISTORY_DAYS"] says, and no more than
HISTORY_ROWS."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import as_django
from django_tasks_kubernetes.models import TaskHistory
from django_tasks_kubernetes.notify.ends import is_workflow
from django_tasks_kubernetes.presentation.rows import row

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from django_tasks_kubernetes.backend import KubernetesBackend

ROWS_PER_QUERY: Final = 500
# A transaction of many rows would hold up those that write new ones.
DELETED_AT_ONCE: Final = 1000


def note(backend: "KubernetesBackend", resources: Iterable[Resource], using: str) -> None:
    """Keeps the tasks that have ended, where the history is on. What is known already stays as it is: an end never
    changes."""
    if backend.parsed_options.history_days is None:
        return
    rows = {made.uid: made for resource in resources if (made := _row(backend.alias, resource)) is not None}
    if rows:
        known = set(_rows(using).filter(pk__in=rows).values_list("pk", flat=True))
        new = [made for uid, made in rows.items() if uid not in known]
        # Another process may insert the same row first.
        _rows(using).bulk_create(new, batch_size=ROWS_PER_QUERY, ignore_conflicts=True)


def prune(backend: "KubernetesBackend", now: datetime, using: str) -> int:
    """Deletes rows that are too old, or too many. Returns how many. Nothing where the history is off: then the rows
    that are left are for somebody to look at, or to delete."""
    options = backend.parsed_options
    if options.history_days is None:
        return 0
    mine = _rows(using).filter(backend=backend.alias)
    deleted = _delete(mine.filter(finished_at__lt=now - timedelta(days=options.history_days)), using)
    newest = mine.order_by("-finished_at", "pk").values_list("finished_at", flat=True)
    # The first that is too many; those of the same moment stay.
    if (first := next(iter(newest[options.history_rows : options.history_rows + 1]), None)) is not None:
        deleted += _delete(mine.filter(finished_at__lt=first), using)
    return deleted


def _row(alias: str, resource: Resource) -> TaskHistory | None:
    """None for what has not ended, and for workflows."""
    if is_workflow(resource):
        return None
    shown = row(resource)
    if not shown.is_finished or shown.finished_at is None:
        return None
    attempts = (resource.get("status") or {}).get("attempts") or []
    usage = (attempts[-1].get("usage") or {}) if attempts else {}
    texts = {
        "task_id": shown.id,
        "task": shown.task,
        "queue": shown.queue,
        "phase": shown.phase,
        "reason": shown.reason,
        "exception": shown.exception,
        "message": shown.explanation,
        "schedule": shown.schedule,
        "workflow": shown.workflow,
        "retry_of": shown.retry_of,
    }
    return TaskHistory(
        uid=resource["metadata"]["uid"],
        backend=alias,
        **{name: _cut(name, text) for name, text in texts.items()},
        attempts=shown.attempts,
        enqueued_at=shown.enqueued_at and as_django(shown.enqueued_at),
        started_at=shown.started_at and as_django(shown.started_at),
        finished_at=as_django(shown.finished_at),
        memory_bytes=usage.get("memoryBytes"),
        cpu_seconds=usage.get("cpuSeconds"),
    )


def _cut(field: str, text: str) -> str:
    """As much as the field takes: what is escaped to be shown is longer than it was, and a text that does not fit must
    not keep the rows of others from being written."""
    return text[: _fields()[field]]


@cache
def _fields() -> dict[str, int]:
    """The fields of texts, with how many characters each takes."""
    return {field.name: field.max_length for field in TaskHistory._meta.fields if field.max_length is not None}


def _delete(rows: "QuerySet[TaskHistory]", using: str) -> int:
    deleted = 0
    while uids := list(rows.values_list("pk", flat=True)[:DELETED_AT_ONCE]):
        deleted += _rows(using).filter(pk__in=uids).delete()[0]
    return deleted


def _rows(using: str) -> "QuerySet[TaskHistory]":
    return TaskHistory.objects.using(using)
