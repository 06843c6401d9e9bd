"""What the overview counts: what waits and why, what runs, what ended and how long that took. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from django_tasks_kubernetes.admin.buckets import Buckets, percentile
from django_tasks_kubernetes.presentation.filters import EVER
from django_tasks_kubernetes.presentation.rows import Row
from djangotasks_api.phases import Phase, Reason

KINDS: Final[Mapping[str, Phase]] = {
    "succeeded": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "cancelled": Phase.CANCELLED,
}
SHARES: Final = {"p50": 0.5, "p95": 0.95}
# So long nothing may have started before somebody asks whether anything starts tasks.
QUIET: Final = timedelta(seconds=60)
# They wait for their time, or for their turn, and nothing is wrong with that.
GOOD_REASONS: Final = frozenset({"", Reason.WORKFLOW_RETURNED})


class Timed(Protocol):
    """What times are counted of: a row of a table, or one of the history."""

    @property
    def enqueued_at(self) -> datetime | None: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def finished_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EndFigures:
    """What ended in some buckets."""

    number: int
    succeeded_percent: float | None
    """Of those that were not cancelled."""
    ends: Mapping[str, Sequence[int]]
    """How many, by how they ended, in each bucket."""
    times: Mapping[str, Mapping[str, list[float | None]]]
    """See percentiles()."""
    overall: Mapping[str, Mapping[str, float | None]]
    """See overall()."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """One line of the table of queues."""

    queue: str
    waiting: int
    running: int
    oldest: datetime | None
    """Since when the oldest of those that wait does so."""
    counts: tuple[int, ...]
    """How many ended, in each bucket."""
    ended: int
    failed: int
    reasons: tuple[tuple[str, int], ...]
    """Why its tasks do not start, and how many; the most frequent first."""


def is_waiting(row: Row) -> bool:
    """Whether it has not begun, or begins again."""
    return not row.is_finished and row.phase != Phase.RUNNING


def oldest(rows: Iterable[Row]) -> datetime | None:
    """Since when the oldest of those that wait does so."""
    return min((row.enqueued_at for row in rows if is_waiting(row) and row.enqueued_at is not None), default=None)


def running_longest(rows: Iterable[Row], most: int) -> list[Row]:
    running = (row for row in rows if row.phase == Phase.RUNNING and row.started_at is not None)
    return sorted(running, key=lambda row: (row.started_at or EVER, row.id))[:most]


def latest_ends(rows: Iterable[Row], most: int) -> list[Row]:
    ended = (row for row in rows if row.finished_at is not None)
    return sorted(ended, key=lambda row: (row.finished_at or EVER, row.id), reverse=True)[:most]


def by_queue(
    unfinished: Sequence[Row], ended: Sequence[Row], buckets: Buckets, also: Iterable[str] = ()
) -> list[QueueFigures]:
    """A line for each queue that has tasks, and for these, by name."""
    queues = sorted({row.queue for row in (*unfinished, *ended)} | set(also))
    return [_figures(queue, unfinished, ended, buckets) for queue in queues]


def ends(rows: Iterable[Row], buckets: Buckets) -> dict[str, list[int]]:
    """How many ended in each bucket, by how they ended."""
    listed = list(rows)
    return {
        kind: buckets.counts(row.finished_at for row in listed if row.phase == phase) for kind, phase in KINDS.items()
    }


def end_figures(ends: Mapping[str, Sequence[int]], times: Iterable[Timed], buckets: Buckets) -> EndFigures:
    """`ends`: how many. `times`: of them, or of some of them."""
    listed = list(times)
    total = {kind: sum(numbers) for kind, numbers in ends.items()}
    counted = total["succeeded"] + total["failed"]
    return EndFigures(
        number=sum(total.values()),
        succeeded_percent=round(100 * total["succeeded"] / counted, 1) if counted else None,
        ends=ends,
        times=percentiles(listed, buckets),
        overall=overall(listed, buckets),
    )


def waited(row: Timed) -> float | None:
    """The seconds from its enqueueing to its start."""
    return _seconds(row.enqueued_at, row.started_at)


def ran(row: Timed) -> float | None:
    """The seconds from its start to its end."""
    return _seconds(row.started_at, row.finished_at)


def percentiles(rows: Iterable[Timed], buckets: Buckets) -> Mapping[str, Mapping[str, list[float | None]]]:
    """Of waiting and of running, in each bucket by the ends of the tasks."""
    listed = list(rows)
    found = {}
    for name, of in (("waited", waited), ("ran", ran)):
        values = buckets.gathered((row.finished_at, value) for row in listed if (value := of(row)) is not None)
        found[name] = {share: [percentile(one, part) for one in values] for share, part in SHARES.items()}
    return found


def overall(rows: Iterable[Timed], buckets: Buckets) -> Mapping[str, Mapping[str, float | None]]:
    """The same of all buckets together."""
    listed = [row for row in rows if buckets.place(row.finished_at) is not None]
    return {
        name: {
            share: percentile((value for row in listed if (value := of(row)) is not None), part)
            for share, part in SHARES.items()
        }
        for name, of in (("waited", waited), ("ran", ran))
    }


def quiet_since(unfinished: Sequence[Row], ended: Sequence[Row], now: datetime) -> datetime | None:
    """Since when tasks wait and nothing starts them, which looks as if no operator runs; None where that is not so."""
    queued = [row for row in unfinished if row.phase == Phase.QUEUED and row.enqueued_at is not None]
    # What has a reason has been seen by an operator.
    if not queued or len(queued) < len(unfinished) or any(row.reason for row in queued):
        return None
    since = min(row.enqueued_at or now for row in queued)
    started = max((row.started_at for row in ended if row.started_at is not None), default=EVER)
    since = max(since, started)
    return since if now - since > QUIET else None


def _figures(queue: str, unfinished: Iterable[Row], ended: Iterable[Row], buckets: Buckets) -> QueueFigures:
    mine = [row for row in unfinished if row.queue == queue]
    over = [row for row in ended if row.queue == queue and buckets.place(row.finished_at) is not None]
    waiting = [row for row in mine if is_waiting(row)]
    counts = buckets.counts(row.finished_at for row in over)
    return QueueFigures(
        queue=queue,
        waiting=len(waiting),
        running=sum(row.phase == Phase.RUNNING for row in mine),
        oldest=oldest(waiting),
        counts=tuple(counts),
        ended=len(over),
        failed=sum(row.phase == Phase.FAILED for row in over),
        reasons=tuple(_reasons(waiting)),
    )


def _reasons(waiting: Iterable[Row]) -> Iterator[tuple[str, int]]:
    found = Counter(row.reason for row in waiting if row.reason not in GOOD_REASONS)
    yield from sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    # Two clocks may differ.
    return max((end - start).total_seconds(), 0.0)
