"""When a cron expression fires, as instants. Pure.

cronsim reads the expression, and walks wall time without a zone, where no clock is ever changed. What the clocks of a
zone do is added here:

- A time of day (neither minute nor hour begins with *) that a change of the clocks skips is due when the gap ends; one
  that they show twice is due the first time.
- Anything else follows the clock: what it skips is left out, what it shows twice is due twice.

This is what Debian's cron does. Every loop has a bound, whatever the expression and the zone: cronsim gives up after
50 years, and offsets are looked up a few times for each fire.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from cronsim import CronSim, CronSimError

from djangotasks_api.schedules.dialects import advice

ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS: Final = (
    ("a minute", "0 to 59"),
    ("an hour", "0 to 23"),
    ("a day of the month", "1 to 31, L or LW"),
    ("a month", "1 to 12, or JAN to DEC"),
    ("a day of the week", "0 to 7, or SUN to SAT: 0 and 7 are Sunday; 1#2 is the second Monday, 5L the last Friday"),
)
# In no zone are two changes of the offset as close (6.9 days is the least since 1970, in Gaza), and no clock is ever
# set by as much.
APART: Final = timedelta(days=2)
SECOND: Final = timedelta(seconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Where the search for an expression that fires at all begins.
ANY_TIME: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - wall time


class InvalidSchedule(ValueError):
    """A schedule's spec cannot be read. `field` is its field, by the name on the wire."""

    field: str


class InvalidCron(InvalidSchedule):
    """The expression cannot be read. `position` is the index of the first wrong character."""

    field = "cron"

    def __init__(self, expression: str, position: int, problem: str) -> None:
        known = advice(expression)
        super().__init__(f"{expression!r}: {problem}" if known is None else f"{expression!r}: {problem}; {known}")
        self.expression = expression
        self.position = position

    @property
    def pointer(self) -> str:
        """The expression, and a line below it that points at the position."""
        return f"{self.expression}\n{' ' * self.position}^"


@dataclass(frozen=True, slots=True)
class Cron:
    """One expression: five fields as in crontab(5), or a name such as @daily."""

    text: str
    """As it was written."""
    _fields: str = field(repr=False)

    @staticmethod
    @lru_cache(maxsize=4096)
    def parse(text: str) -> "Cron":
        """Raises InvalidCron."""
        fields = ALIASES.get(text, text)
        if text.startswith("@") and text not in ALIASES:
            raise InvalidCron(text, 0, f"there is no {text}, only {', '.join(ALIASES)}")
        _check(text, fields)
        fields = _without_ranges_of_one(fields)
        try:
            next(CronSim(fields, ANY_TIME))
        except StopIteration:
            raise InvalidCron(text, 0, "no date matches it, so it would never fire") from None
        return Cron(text, fields)

    @property
    def is_time_of_day(self) -> bool:
        """Whether it names times of day, rather than follows the clock."""
        minute, hour, *_ = self._fields.split()
        return not (minute.startswith("*") or hour.startswith("*"))

    def fires(self, zone: tzinfo, after: datetime) -> Iterator[datetime]:
        """When it fires later than `after`, each later than the one before, in UTC."""
        walk = _times_of_day if self.is_time_of_day else _clock
        last = after
        for at in walk(self._fields, zone, after.astimezone(UTC)):
            if at > last:
                yield at
                last = at

    def next_after(self, zone: tzinfo, after: datetime) -> datetime | None:
        """The first fire later than `after`. None where there is none for 50 years."""
        return next(self.fires(zone, after), None)

    def last_before(self, zone: tzinfo, until: datetime, count: int, since: datetime) -> list[datetime]:
        """The latest fires up to and including `until`, `count` at most, and later than `since`; the earliest first.

        Looks backwards from `until`: how long ago `since` is costs nothing.
        """
        since = max(since, EPOCH)
        begin = until - self._guess(zone, until, count)
        while True:
            found = self._between(zone, max(begin, since), until)
            if len(found) >= count or begin <= since:
                return found[-count:]
            begin = until - 2 * (until - begin)

    def _guess(self, zone: tzinfo, until: datetime, count: int) -> timedelta:
        """How far back to look first: to the fire before that one on the wall, for each one that is asked for."""
        wall = until.astimezone(zone).replace(tzinfo=None)
        earlier = next(CronSim(self._fields, wall, reverse=True), None)
        if earlier is None:
            return APART
        return (wall - earlier) + timedelta(minutes=count)

    def _between(self, zone: tzinfo, after: datetime, until: datetime) -> list[datetime]:
        found = []
        for at in self.fires(zone, after):
            if at > until:
                break
            found.append(at)
        return found


def _check(text: str, fields: str) -> None:
    """Raise InvalidCron with the position of what cannot be read."""
    if (match := re.search(r"[^0-9A-Za-z*,/# -]", fields)) is not None:
        raise InvalidCron(text, match.start(), f"{match[0]!r} has no meaning in an expression")
    parts = fields.split(" ")
    if "" in parts:
        position = sum(len(part) + 1 for part in parts[: parts.index("")])
        raise InvalidCron(text, position, "one space stands between two fields, and none at the ends")
    if len(parts) != len(FIELDS):
        names = "minute, hour, day of the month, month, day of the week"
        raise InvalidCron(text, 0, f"it has {len(parts)} fields, and five are needed: {names}")
    try:
        CronSim(fields, ANY_TIME)
    except CronSimError:
        position = 0
        for index, part in enumerate(parts):
            for term in part.split(","):
                if not _is_term(index, term):
                    name, allowed = FIELDS[index]
                    if _can_be_reversed(index, term):
                        hint = "write two of them, such as 22-23,0-2 (SUN is 0)"
                        raise InvalidCron(text, position, f"the range {term!r} goes down: {hint}") from None
                    raise InvalidCron(text, position, f"{term!r} is not {name} ({allowed})") from None
                position += len(term) + 1
        day = len(parts[0]) + len(parts[1]) + 2
        raise InvalidCron(text, day, "none of its months has that day") from None


def _without_ranges_of_one(fields: str) -> str:
    """Write 5-5/2 as 5: cronsim takes it for 5/2, which goes on to the largest number of the field."""

    def rewrite(index: int, term: str) -> str:
        # A range of more cannot be read the other way round.
        return term.partition("-")[0] if _can_be_reversed(index, term) else term

    parts = enumerate(fields.split(" "))
    return " ".join(",".join(rewrite(index, term) for term in part.split(",")) for index, part in parts)


def _can_be_reversed(index: int, term: str) -> bool:
    """Whether it is a range that can be read from its end to its begin: one of one, or one that goes down."""
    low, dash, high = term.partition("/")[0].partition("-")
    return bool(dash) and _is_term(index, f"{high}-{low}")


def _is_term(index: int, term: str) -> bool:
    """Whether the term alone, in its field, can be read."""
    alone = ["*"] * len(FIELDS)
    alone[index] = term
    try:
        CronSim(" ".join(alone), ANY_TIME)
    except CronSimError:
        return False
    return True


def _times_of_day(fields: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    local = after.astimezone(zone)
    wall = local.replace(tzinfo=None)
    if local.fold:
        # The clock shows these times again. What it shows until the first pass has ended was due then.
        change = _change(zone, after - APART, after)
        wall = wall if change is None else _offset(zone, change - SECOND) + change.replace(tzinfo=None) - SECOND
    for shown in CronSim(fields, wall):
        at = shown.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if at.astimezone(zone).replace(tzinfo=None) != shown:
            # Skipped by the clock: this counted with the offset before the gap.
            earlier = shown.replace(tzinfo=zone, fold=1).astimezone(UTC)
            at = _change(zone, earlier, at) or at
        yield at


def _clock(fields: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    at, offset = after, _offset(zone, after)
    # The time on the wall from which on nothing is passed over, and the next one that fires.
    begin = _wall(at, offset)
    walker = CronSim(fields, begin)
    shown = next(walker, None)
    while shown is not None:
        fire = (shown - offset).replace(tzinfo=UTC)
        end = min(fire, at + APART)
        if (change := _change(zone, at, end)) is not None:
            at, offset = change, _offset(zone, change)
            wall = _wall(at, offset)
            if not begin < wall <= shown:
                # The clock was set past what was to come, or back to what was.
                begin = wall - SECOND
                walker = CronSim(fields, begin)
                shown = next(walker, None)
        elif fire <= end:
            yield fire
            at, begin = fire, shown
            shown = next(walker, None)
        else:
            # Nothing fires for days. What the clocks do meanwhile does not matter, until shortly before.
            at = max(end, fire - APART)
            offset = _offset(zone, at)


def _wall(at: datetime, offset: timedelta) -> datetime:
    return at.replace(tzinfo=None) + offset


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).replace(tzinfo=None) - at.replace(tzinfo=None)


def _change(zone: tzinfo, start: datetime, end: datetime) -> datetime | None:
    """The instant in (start, end] from which on the offset is another, or None. They are APART at most."""
    before = _offset(zone, start)
    if end <= start or _offset(zone, end) == before:
        return None
    # Clocks are changed on a whole second.
    low, high = int(start.timestamp()), -int(-end.timestamp() // 1)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
