"""A project that uses all that there is a page for, with one row in each table."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.test import override_settings

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.models import OutboxTask, TaskEnd, TaskHistory
from django_tasks_kubernetes.presentation.text import safe
from tests.unit.backend.admin.conftest import made_task

# Of the row in each table.
ROW = "1"
AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


@contextmanager
def whole_project() -> Iterator[None]:
    """With an outbox, a history and a receiver."""
    options = settings.TASKS["default"]["OPTIONS"] | {"ENQUEUE": "outbox", "HISTORY_DAYS": 30}
    signals.task_ended.connect(receiver)
    try:
        with override_settings(TASKS={"default": settings.TASKS["default"] | {"OPTIONS": options}}):
            yield
    finally:
        signals.task_ended.disconnect(receiver)


def receiver(**kwargs: Any) -> None:
    """Is there to be connected."""


def fill_tables(text: str | None = None) -> None:
    """Makes the rows again. `text`: in the place of every text that a pod or somebody else may choose. No queue and no task has a name
    of that kind."""
    for model in (OutboxTask, TaskEnd, TaskHistory):
        model.objects.all().delete()
    where: dict[str, Any] = {"backend": "default", "queue": "mail", "task": text or "shop.tasks.send"}
    error = text or "ValueError: no such order"
    made = json.dumps(made_task(1, ROW))
    times = {"next_try_at": AT, "tries": 3, "error": error}
    OutboxTask.objects.create(
        id=ROW, resource=made, created_at=AT, cancel_reason=text or "wrong month", **where, **times
    )
    TaskEnd.objects.create(
        key=ROW, uid=ROW, task_id="one", resource=made, seen_at=AT, dispatched_to=text or "", **where, **times
    )
    # The watcher writes them like that, since the database is to keep any text.
    kept = None if text is None else safe(text)
    TaskHistory.objects.create(
        uid=ROW, task_id="one", phase=kept or "Failed", reason=kept or "TaskError", finished_at=AT,
        exception=kept or "builtins.KeyError", message=kept or error, schedule=kept or "", workflow=kept or "",
        **where | {"task": kept or "shop.tasks.send"},
    )  # fmt: skip
