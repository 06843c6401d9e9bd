"""Spans of time next to each other, and what happened in each. Pure."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final, Self

# Of this length or longer they begin with hours of the wall clock, so that days begin at midnight. Shorter ones are all
# of one length: an hour that is there twice, in autumn, has as many of them twice.
BY_WALL_CLOCK: Final = timedelta(hours=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Each ends where the next one begins."""

    edges: tuple[datetime, ...]
    """One more than there are buckets, in UTC."""

    step: timedelta

    @classmethod
    def until(cls, now: datetime, window: timedelta, step: timedelta, zone: tzinfo) -> Self:
        """Those of a time that ends with the one that is running now."""
        if step < BY_WALL_CLOCK:
            end = EPOCH + ((now - EPOCH) // step + 1) * step
            number = window // step
            return cls(tuple(end - step * left for left in range(number, -1, -1)), step)
        edges = list(_wall_clock(now - window - 2 * step, now + 2 * step, step, zone))
        last = next(n for n, edge in enumerate(edges) if edge > now)
        return cls(tuple(edges[max(last - window // step, 0) : last + 1]), step)

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def begin(self) -> datetime:
        return self.edges[0]

    def place(self, at: datetime | None) -> int | None:
        """Of the bucket that a moment is in."""
        if at is None or not self.edges[0] <= at < self.edges[-1]:
            return None
        return bisect_right(self.edges, at) - 1

    def counts(self, moments: Iterable[datetime | None]) -> list[int]:
        """How many are in each bucket."""
        found = [0] * len(self)
        for at in moments:
            if (place := self.place(at)) is not None:
                found[place] += 1
        return found

    def gathered(self, pairs: Iterable[tuple[datetime | None, float]]) -> list[list[float]]:
        """The values in each bucket, in their order."""
        found: list[list[float]] = [[] for _ in range(len(self))]
        for at, value in pairs:
            if (place := self.place(at)) is not None:
                found[place].append(value)
        return found


def percentile(values: Iterable[float], share: float) -> float | None:
    """The least of the values that so large a share of them does not exceed. None of no values."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None


def _wall_clock(begin: datetime, end: datetime, step: timedelta, zone: tzinfo) -> Iterator[datetime]:
    """Multiples of the step since each midnight of the zone. A day on which the clock changes has a longer or a shorter
    one."""
    day = begin.astimezone(zone).date()
    before = None
    while True:
        for number in range(timedelta(days=1) // step):
            wall = datetime.combine(day, time(), tzinfo=None) + number * step
            at = wall.replace(tzinfo=zone).astimezone(UTC)
            if at >= end:
                return
            # Two times of the wall clock may be one, where it is put forward.
            if at >= begin and (before is None or at > before):
                yield at
                before = at
        day += timedelta(days=1)


def summed(counts: Iterable[Sequence[int]]) -> list[int]:
    """Of the first buckets, of the second ones …"""
    return [sum(column) for column in zip(*counts, strict=True)]
