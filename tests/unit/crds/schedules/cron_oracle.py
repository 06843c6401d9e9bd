"""Cron by brute force, to compare `djangotasks_api.schedules.cron` with: every minute is asked. And expressions for hypothesis,
each with the sets that it means, so that nothing here reads an expression."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache

from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

Day = Callable[[datetime], bool]
Field = tuple[str, frozenset[int]]


@dataclass(frozen=True)
class Expression:
    """An expression, and what it means."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    day: Day

    @property
    def is_time_of_day(self) -> bool:
        minute, hour, *_ = self.text.split()
        return "*" not in (minute[0], hour[0])

    def matches(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and wall.month in self.months and self.day(wall)


def fires(expression: Expression, zone: tzinfo, after: datetime, until: datetime) -> list[datetime]:
    """Every fire in (after, until], of each minute in turn."""
    first = after.replace(second=0, microsecond=0) + MINUTE
    count = (until - first) // MINUTE
    return [at for n in range(count + 1) if _fires_at(expression, zone, at := first + n * MINUTE)]


def _fires_at(expression: Expression, zone: tzinfo, at: datetime) -> bool:
    local = at.astimezone(zone)
    wall = local.replace(tzinfo=None)
    if not expression.is_time_of_day:
        return expression.matches(wall)
    before = (at - MINUTE).astimezone(zone).replace(tzinfo=None)
    skipped = (wall - before) // MINUTE - 1
    return any(expression.matches(before + n * MINUTE) for n in range(1, skipped + 1)) or (
        not local.fold and expression.matches(wall)
    )


@cache
def changes(zone: tzinfo, year: int) -> tuple[datetime, ...]:
    """The minutes of the year from which on the zone's offset is another."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    found = []
    for n in range(366):
        low, high = start + timedelta(days=n), start + timedelta(days=n + 1)
        if (offset := low.astimezone(zone).utcoffset()) != high.astimezone(zone).utcoffset():
            minutes = (low + m * MINUTE for m in range(1, 1441))
            found.append(next(at for at in minutes if at.astimezone(zone).utcoffset() != offset))
    return tuple(found)


def expressions() -> st.SearchStrategy[Expression]:
    """Any expression, all forms of each field included."""
    return st.builds(
        _expression,
        _field(0, 59),
        _field(0, 23),
        st.one_of(_field(1, 31), st.just(("L", frozenset[int]())), st.just(("LW", frozenset[int]()))),
        _field(1, 12, MONTHS, 1),
        st.one_of(_field(0, 7, DAYS, 0), _nth_days()),
    )


def times_of_day() -> st.SearchStrategy[Expression]:
    """One time of every day."""
    return st.builds(
        lambda minute, hour: _expression(
            (str(minute), frozenset({minute})),
            (str(hour), frozenset({hour})),
            ("*", frozenset(range(1, 32))),
            ("*", frozenset(range(1, 13))),
            ("*", frozenset(range(8))),
        ),
        st.integers(0, 59),
        st.integers(0, 23),
    )


def _expression(
    minutes: Field, hours: Field, days: Field, months: Field, weekdays: Field | tuple[str, Day]
) -> Expression:
    of_week = weekdays[1] if callable(weekdays[1]) else _weekday(weekdays[1])
    of_month = _month_day(*days)
    # Debian: both must match where one begins with a star, else one of them.
    if days[0].startswith("*") or weekdays[0].startswith("*"):
        day: Day = lambda wall: of_month(wall) and of_week(wall)  # noqa: E731
    else:
        day = lambda wall: of_month(wall) or of_week(wall)  # noqa: E731
    text = " ".join((minutes[0], hours[0], days[0], months[0], weekdays[0]))
    return Expression(text, minutes[1], hours[1], months[1], day)


def _month_day(text: str, numbers: frozenset[int]) -> Day:
    def of_month(wall: datetime) -> bool:
        last = calendar.monthrange(wall.year, wall.month)[1]
        if text == "L":
            return wall.day == last
        if text == "LW":
            days = (datetime(wall.year, wall.month, n) for n in range(1, last + 1))  # noqa: DTZ001 - wall time
            return wall.day == max(day.day for day in days if day.weekday() < 5)
        return wall.day in numbers

    return of_month


def _weekday(numbers: frozenset[int]) -> Day:
    return lambda wall: bool({wall.isoweekday(), wall.isoweekday() % 7} & numbers)


def _nth_days() -> st.SearchStrategy[tuple[str, Day]]:
    def nth(day: int, nth: int) -> tuple[str, Day]:
        return f"{day}#{nth}", lambda wall: wall.isoweekday() % 7 == day % 7 and (wall.day + 6) // 7 == nth

    def last(day: int) -> tuple[str, Day]:
        return (
            f"{day}L",
            lambda wall: wall.isoweekday() % 7 == day % 7 and (wall + timedelta(days=7)).month != wall.month,
        )

    return st.one_of(st.builds(nth, st.integers(0, 7), st.integers(1, 5)), st.builds(last, st.integers(0, 7)))


def _field(least: int, most: int, names: tuple[str, ...] = (), first: int = 0) -> st.SearchStrategy[Field]:
    whole = range(least, most + 1)
    number = st.integers(least, most)

    def one(n: int, named: bool) -> Field:
        text = names[n - first] if named and n - first < len(names) else str(n)
        return text, frozenset({n})

    def span(a: int, b: int, step: int | None) -> Field:
        low, high = sorted((a, b))
        return f"{low}-{high}" + (f"/{step}" if step else ""), frozenset(range(low, high + 1, step or 1))

    def stepped(step: int) -> Field:
        return f"*/{step}", frozenset(whole[::step])

    def from_on(n: int, step: int) -> Field:
        return f"{n}/{step}", frozenset(range(n, most + 1, step))

    terms = st.one_of(
        st.builds(one, number, st.booleans()),
        st.builds(span, number, number, st.one_of(st.none(), st.integers(1, most))),
        st.builds(from_on, number, st.integers(1, most)),
    )
    lists = st.lists(terms, min_size=1, max_size=3).map(_joined)
    stars = st.one_of(st.just(("*", frozenset(whole))), st.builds(stepped, st.integers(1, most)))
    return st.one_of(stars, lists, st.lists(st.one_of(terms, stars), min_size=2, max_size=3).map(_joined))


def _joined(fields: list[Field]) -> Field:
    return ",".join(text for text, _ in fields), frozenset().union(*(numbers for _, numbers in fields))
