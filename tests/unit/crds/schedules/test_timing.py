"""A schedule's times: the union of its expressions, or every so many minutes, within its start and its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.schedules.cron import InvalidCron
from djangotasks_api.schedules.timing import Timing, UnknownTimeZone, zone_named

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_several_expressions_are_due_once_where_they_meet() -> None:
    timing = Timing.of(cron=["0 * * * *", "*/30 12 * * *", "0 * * * *"])
    assert timing.next_after(NOON - MINUTE) == NOON
    assert timing.next_after(NOON) == NOON + 30 * MINUTE
    assert timing.last_before(NOON + HOUR, 3, NOON - 10 * HOUR) == [NOON, NOON + 30 * MINUTE, NOON + HOUR]


def test_an_interval_counts_from_the_epoch() -> None:
    """So it neither depends on when the schedule was made, nor on a zone."""
    timing = Timing.of(every_minutes=45, time_zone="Asia/Kolkata")
    first = timing.next_after(NOON)
    assert first is not None
    assert first.timestamp() % (45 * 60) == 0
    assert timing.next_after(first) == first + 45 * MINUTE
    assert timing.last_before(first + HOUR, 5, first - HOUR) == [first - 45 * MINUTE, first, first + 45 * MINUTE]


@given(
    st.sampled_from([{"cron": ["*/7 * * * *", "3 4 * * *"]}, {"every_minutes": 11}]),
    st.integers(-300, 300),
    st.integers(0, 300),
    st.integers(1, 60),
)
def test_times_lie_within_start_and_end(parts: dict[str, object], start: int, length: int, count: int) -> None:
    """Both are included. Looking backwards finds the same."""
    start_at = NOON + start * MINUTE
    end_at = start_at + length * MINUTE
    timing = Timing.of(**parts, start_at=start_at, end_at=end_at)  # type: ignore[arg-type]  # either of the two
    found = [*timing.between(NOON - 10 * HOUR, NOON + 20 * HOUR)]
    assert all(start_at <= at <= end_at for at in found)
    assert all(a < b for a, b in pairwise(found))
    assert timing.last_before(NOON + 20 * HOUR, count, NOON - 10 * HOUR) == found[-count:]


def test_the_end_is_the_end() -> None:
    timing = Timing.of(cron=["@hourly"], end_at=NOON)
    assert timing.next_after(NOON - MINUTE) == NOON
    assert timing.next_after(NOON) is None
    assert timing.last_before(NOON + 9 * HOUR, 9, NOON - MINUTE) == [NOON]


EDGES = [datetime.fromisoformat(f"{text}T23:59Z") for text in ("0001-01-01", "1000-01-01", "9999-12-31")]


@pytest.mark.parametrize("parts", [{"cron": ["@daily"]}, {"cron": ["*/5 * 29 2 *"]}, {"every_minutes": 7}])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"])
@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: f"the year {edge.year}")
def test_dates_at_the_edges_make_no_errors(edge: datetime, zone: str, parts: dict[str, Any]) -> None:
    """A schedule that begins in 9999 is never due; one that began in the year 1 always was."""
    began = edge < NOON
    starts = Timing.of(time_zone=zone, start_at=edge, **parts)
    ends = Timing.of(time_zone=zone, end_at=edge, **parts)
    for after in (*EDGES, NOON):
        assert (starts.next_after(after) is not None) == (began and after < EDGES[-1])
        assert (ends.next_after(after) is not None) == (not began and after < EDGES[-1])
    assert len(starts.last_before(NOON, 2, EDGES[0])) == (2 if began else 0)
    assert len(ends.last_before(NOON, 2, EDGES[0])) == (0 if began else 2)
    assert Timing.of(time_zone=zone, **parts).last_before(EDGES[0], 2, edge) == []


@pytest.mark.parametrize(
    "name",
    [
        "Europe/Berln",
        "",
        "localtime",
        "posix/Europe/Berlin",
        "right/UTC",
        "../etc/passwd",
        "America",
        "/etc",
        "a\0b",
        "Ä",
    ],
)
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(UnknownTimeZone, match="there is no time zone") as raised:
        zone_named(name)
    assert raised.value.name == name


def test_what_cannot_be_read_is_raised() -> None:
    with pytest.raises(InvalidCron):
        Timing.of(cron=["0 2 * * *", "0 25 * * *"])


def test_a_spec_is_read() -> None:
    spec = {"cron": ["0 2 * * *"], "timeZone": "Europe/Berlin", "startAt": "2026-11-25T12:00:00Z", "task": {}}
    assert Timing.from_spec(spec) == Timing.of(cron=["0 2 * * *"], time_zone="Europe/Berlin", start_at=NOON)
    assert Timing.from_spec({"everyMinutes": 5}) == Timing.of(every_minutes=5)
