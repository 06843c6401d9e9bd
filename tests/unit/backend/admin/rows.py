"""Rows of a table of tasks."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.tasks import TaskResultStatus

from django_tasks_kubernetes.codec.resource import STATUSES
from django_tasks_kubernetes.presentation.rows import Row
from djangotasks_api.phases import Phase

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def ago(**fields: float) -> datetime:
    return NOW - timedelta(**fields)


def row(name: str = "one", phase: str = "Queued", **fields: Any) -> Row:
    """A task that was enqueued ten minutes ago."""
    known = {
        "namespace": "shop", "task": "shop.tasks.send", "queue": "mail", "progress": "", "done": None, "total": None,
        "attempts": 0, "reason": "", "message": "", "explanation": "", "pod": "", "workflow": "", "step": "",
        "enqueued_at": ago(minutes=10), "started_at": None, "finished_at": None,
    }  # fmt: skip
    status = STATUSES[Phase(phase)] if phase in set(Phase) else TaskResultStatus.RUNNING
    return Row(id=name, phase=phase, status=status, **known | fields)
