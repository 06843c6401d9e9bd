"""When a task may start, and which times of others are believed. Pure.

The API server's clock and the operator's count, never that of a client, a node or a pod: these may be wrong, or lie.
"""

from datetime import UTC, datetime, timedelta

from djangotasks_api.models import DjangoTask

# The API server notes whole seconds.
CREATION_PRECISION = timedelta(seconds=1)
EARLIEST = datetime.min.replace(tzinfo=UTC)


def due_at(task: DjangoTask) -> datetime | None:
    """When the task may first run: its wait is counted from then on. None where nothing says so.

    The API server's clock counts. enqueuedAt is the client's word, and is believed within the second that
    creationTimestamp leaves open: an older one would pass everybody in the queue, whatever the ceiling of priorities.
    """
    enqueued_at, created_at = task.spec.enqueued_at, task.metadata.creation_timestamp
    if created_at is not None:
        latest = created_at + CREATION_PRECISION
        enqueued_at = created_at if enqueued_at is None else min(max(enqueued_at, created_at), latest)
    run_after = task.spec.run_after
    return max(enqueued_at, run_after) if enqueued_at and run_after else enqueued_at or run_after


def ready_at(task: DjangoTask) -> datetime:
    """When the task's next attempt may start."""
    due, next_attempt = due_at(task) or EARLIEST, task.status.next_attempt_at
    return due if next_attempt is None else max(due, next_attempt)


def believed(claimed: datetime, earliest: datetime | None, now: datetime) -> datetime:
    """The claimed time if it is possible, else now, as that is when the operator learns of it. So a node whose clock is
    wrong costs its tasks neither their time to run nor their results, and no pod can put its deadline off.

    `earliest`: when the pod was created, by the API server's clock.
    """
    return claimed if claimed <= now and (earliest is None or claimed >= earliest) else now
