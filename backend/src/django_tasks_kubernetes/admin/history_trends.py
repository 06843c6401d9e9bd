"""What ended according to the history: days, where the cluster knows hours."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncHour, TruncMinute

from django_tasks_kubernetes.admin.buckets import Buckets
from django_tasks_kubernetes.admin.figures import KINDS, EndFigures, end_figures
from django_tasks_kubernetes.codec.times import as_django, to_utc
from django_tasks_kubernetes.models import TaskHistory

SAMPLE: Final = 5000


class Times(NamedTuple):
    """Of one row."""

    enqueued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


def trends(alias: str, allowed: set[str] | None, buckets: Buckets) -> EndFigures:
    """Two queries: the database counts; how long tasks took is that of a sample, where they are many."""
    rows = TaskHistory.objects.filter(
        backend=alias,
        finished_at__gte=as_django(buckets.edges[0]),
        finished_at__lt=as_django(buckets.edges[-1]),
    )
    if allowed is not None:
        rows = rows.filter(queue__in=allowed)
    ends = {kind: [0] * len(buckets) for kind in KINDS}
    kinds = {str(phase): kind for kind, phase in KINDS.items()}
    # In UTC, for which no database needs tables of zones: MySQL has none unless somebody loads them. In some zones an
    # hour begins in the middle of one of UTC.
    truncate = TruncHour if all(edge.minute == 0 for edge in buckets.edges) else TruncMinute
    truncated = truncate("finished_at", tzinfo=UTC)
    counted = rows.order_by().annotate(at=truncated).values_list("at", "phase").annotate(number=Count("pk"))
    for at, phase, number in counted:
        # A part of the first hour may be before the first bucket.
        place = buckets.place(max(to_utc(at), buckets.edges[0]))
        if place is not None and phase in kinds:
            ends[kinds[phase]][place] += number
    number = sum(sum(numbers) for numbers in ends.values())
    sample = _sampled(rows, number).values_list("enqueued_at", "started_at", "finished_at")[:SAMPLE]
    return end_figures(ends, [Times(*(at and to_utc(at) for at in one)) for one in sample], buckets)


def _sampled(rows: QuerySet[TaskHistory], number: int) -> QuerySet[TaskHistory]:
    """So many that the sample is about full: uids are random, so those below some number are a share of all."""
    if number <= SAMPLE:
        return rows
    return rows.filter(pk__lt=f"{int(SAMPLE / number * 2**32):08x}")
