"""Failed tasks by what they failed with: two thousand failures are often three errors. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django_tasks_kubernetes.admin.buckets import Buckets
from django_tasks_kubernetes.presentation.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Failures of one task with one error."""

    task: str
    reason: str
    """Of the newest; with an exception, it is the same one mostly."""

    exception: str
    """Empty where none was raised."""

    rows: tuple[Row, ...]
    """The newest end first."""

    counts: tuple[int, ...]
    """In each bucket of the window."""

    last_hour: int

    @property
    def cause(self) -> str:
        return self.exception or self.reason

    @property
    def number(self) -> int:
        return len(self.rows)

    @property
    def first(self) -> datetime | None:
        return self.rows[-1].finished_at

    @property
    def last(self) -> datetime | None:
        return self.rows[0].finished_at

    @property
    def queues(self) -> list[str]:
        return sorted({row.queue for row in self.rows})


def retried_of(rows: Iterable[Row]) -> frozenset[str]:
    """The ids of the tasks that these repeat."""
    return frozenset(row.retry_of for row in rows if row.retry_of)


def grouped(rows: Iterable[Row], buckets: Buckets, now: datetime) -> list[Group]:
    """Those that ended in the buckets, the largest group first, of two of one size the one with the newest failure."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if buckets.place(row.finished_at) is not None:
            found.setdefault((row.task, row.exception or row.reason), []).append(row)
    groups = [_group(members, buckets, now) for members in found.values()]
    # All have an end: without one they are in no bucket.
    return sorted(groups, key=lambda group: (group.number, group.last), reverse=True)


def open_of(rows: Iterable[Row], retried: Collection[str]) -> list[Row]:
    """Those that nobody has enqueued once more."""
    return [row for row in rows if row.id not in retried]


def _group(members: Sequence[Row], buckets: Buckets, now: datetime) -> Group:
    ordered = sorted(members, key=lambda row: (row.finished_at is not None, row.finished_at, row.id), reverse=True)
    ends = [row.finished_at for row in ordered]
    hour = now - timedelta(hours=1)
    return Group(
        task=ordered[0].task,
        reason=ordered[0].reason,
        exception=ordered[0].exception,
        rows=tuple(ordered),
        counts=tuple(buckets.counts(ends)),
        last_hour=sum(end is not None and end > hour for end in ends),
    )
