"""The time by which a task must have started (spec.expiresAt). Pure."""

from datetime import datetime

from djangotasks_api.models import DjangoTask


def expires_at(task: DjangoTask) -> datetime | None:
    """When the task expires. A task that has run once does not: its policy decides on retries."""
    return None if task.status.started_at is not None else task.spec.expires_at


def expired_message(deadline: datetime) -> str:
    return f"The task had not started by {deadline.isoformat(timespec='seconds')}, when it expired."
