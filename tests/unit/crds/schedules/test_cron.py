"""Cron fires when people expect it, in every zone: tables of what peers got wrong, and brute force."""

from __future__ import annotations

import re
import zoneinfo
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from djangotasks_api.schedules import dialects
from djangotasks_api.schedules.cron import ALIASES, Cron, InvalidCron
from tests.unit.crds.schedules.cron_oracle import Expression, changes, expressions, fires, times_of_day

ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
# A change by half an hour (Lord Howe), at a quarter to (Chatham), at midnight (Havana, Beirut, Santiago, Azores), by two
# hours (Troll), in the years that are searched.
ODD_ZONES = [
    "Australia/Lord_Howe", "Pacific/Chatham", "America/Havana", "Asia/Beirut", "America/Santiago", "Atlantic/Azores",
    "Antarctica/Troll", "America/New_York", "Europe/Berlin", "Africa/Casablanca", "Asia/Gaza",
]  # fmt: skip
HOURS = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def next_fires(text: str, zone: str, after: str, count: int) -> list[str]:
    found = islice(Cron.parse(text).fires(ZoneInfo(zone), utc(after)), count)
    return [f"{at:%m-%d %H:%M}" for at in found]


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        # Spring in New York: 02:00 to 03:00 is not there on 8 March, at 07:00 UTC.
        ("30 2 * * *", "America/New_York", "2026-03-07 12:00", ["03-08 07:00", "03-09 06:30"]),
        ("0 2 * * *", "America/New_York", "2026-03-07 12:00", ["03-08 07:00", "03-09 06:00"]),
        ("15,45 2 * * *", "America/New_York", "2026-03-07 12:00", ["03-08 07:00", "03-09 06:15"]),
        ("0 * * * *", "America/New_York", "2026-03-08 05:30", ["03-08 06:00", "03-08 07:00", "03-08 08:00"]),
        ("*/30 * * * *", "America/New_York", "2026-03-08 06:15", ["03-08 06:30", "03-08 07:00", "03-08 07:30"]),
        ("0 */2 * * *", "America/New_York", "2026-03-08 04:00", ["03-08 05:00", "03-08 08:00"]),
        # Autumn: 01:00 to 02:00 is shown twice on 1 November, from 05:00 and from 06:00 UTC.
        ("30 1 * * *", "America/New_York", "2026-10-31 12:00", ["11-01 05:30", "11-02 06:30"]),
        ("30 1 * * *", "America/New_York", "2026-11-01 06:15", ["11-02 06:30"]),
        ("30 1 * * *", "America/New_York", "2026-11-01 05:30", ["11-02 06:30"]),
        ("0 * * * *", "America/New_York", "2026-11-01 04:30", ["11-01 05:00", "11-01 06:00", "11-01 07:00"]),
        ("*/30 * * * *", "America/New_York", "2026-11-01 05:15", ["11-01 05:30", "11-01 06:00", "11-01 06:30"]),
        # Midnight is not there (Havana on 8 March, Santiago on 6 September, Beirut on 29 March).
        ("0 0 * * *", "America/Havana", "2026-03-07 12:00", ["03-08 05:00", "03-09 04:00"]),
        ("0 0 * * 0", "America/Santiago", "2026-09-01 00:00", ["09-06 04:00", "09-13 03:00"]),
        ("0 0 * * *", "Asia/Beirut", "2026-03-28 12:00", ["03-28 22:00", "03-29 21:00"]),
        # Half an hour, at a quarter to three, two hours.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 00:00", ["10-03 15:30", "10-04 15:15"]),
        ("59 */3 * * *", "Pacific/Chatham", "2026-04-04 12:00", ["04-04 15:14", "04-04 18:14", "04-04 21:14"]),
        ("30 2 * * *", "Antarctica/Troll", "2026-03-28 12:00", ["03-29 01:00", "03-30 00:30"]),
        # 30 December 2011 is not there in Apia.
        ("0 12 30 * *", "Pacific/Apia", "2011-12-01 00:00", ["12-30 10:00", "01-29 22:00"]),
        ("0 * * * *", "Pacific/Apia", "2011-12-30 08:30", ["12-30 09:00", "12-30 10:00", "12-30 11:00"]),
        # 0 and 7 are Sunday. Both day fields: one of them is enough, unless one begins with a star.
        ("0 9 * * 0", "UTC", "2026-11-25 00:00", ["11-29 09:00"]),
        ("0 9 * * 7", "UTC", "2026-11-25 00:00", ["11-29 09:00"]),
        ("0 9 * * MON-FRI", "UTC", "2026-11-27 10:00", ["11-30 09:00"]),
        ("0 0 13 * 5", "UTC", "2026-11-10 00:00", ["11-13 00:00", "11-20 00:00", "11-27 00:00", "12-04 00:00"]),
        ("0 0 */31 * 5", "UTC", "2026-11-10 00:00", ["01-01 00:00"]),
        ("0 0 L * *", "UTC", "2028-02-10 00:00", ["02-29 00:00", "03-31 00:00"]),
        ("0 0 29 2 *", "UTC", "2026-01-01 00:00", ["02-29 00:00"]),
        # A range of one, whatever its step.
        ("0 9 * * 1-1/2", "UTC", "2026-11-25 00:00", ["11-30 09:00", "12-07 09:00"]),
        ("0 9 * * SUN-0/2", "UTC", "2026-11-25 00:00", ["11-29 09:00", "12-06 09:00"]),
        ("5-05/2 9-9/3 * dec-DEC/1 *", "UTC", "2026-11-25 00:00", ["12-01 09:05", "12-02 09:05"]),
        ("0 9-11/2 * * 0-1/1", "UTC", "2026-11-25 00:00", ["11-29 09:00", "11-29 11:00", "11-30 09:00"]),
        ("@daily", "Europe/Berlin", "2026-11-25 12:00", ["11-25 23:00"]),
    ],
)  # fmt: skip
def test_it_fires_when_people_expect_it(text: str, zone: str, after: str, expected: list[str]) -> None:
    assert next_fires(text, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("60 * * * *", 0, "'60' is not a minute (0 to 59)"),
        ("0 0,24 * * *", 4, "'24' is not an hour (0 to 23)"),
        ("0 0 0 * *", 4, "'0' is not a day of the month"),
        ("0 0 1 1,FOO *", 8, "'FOO' is not a month"),
        ("0 0 * * 1-8", 8, "'1-8' is not a day of the week"),
        ("0 0 * * 1,FRI-SUN", 10, "the range 'FRI-SUN' goes down: write two of them, such as 22-23,0-2 (SUN is 0)"),
        ("0 22-2/2 * * *", 2, "the range '22-2/2' goes down"),
        ("0 0 30 2 *", 4, "none of its months has that day"),
        ("0 0 */31 2 1#5", 0, "would never fire"),
        ("*/0 * * * *", 0, "'*/0' is not a minute"),
        ("* * * *", 0, "it has 4 fields, and five are needed"),
        ("0 * * * * *", 0, "it has 6 fields"),
        ("0  * * * *", 2, "one space stands between"),
        ("* * * * * ", 10, "one space stands between"),
        ("", 0, "one space stands between"),
        ("0\t* * * *", 1, "'\\t' has no meaning"),
        ("CRON_TZ=UTC 0 * * * *", 4, "'_' has no meaning"),
        ("0 0 ? * *", 4, "'?' has no meaning"),
        ("@reboot", 0, "there is no @reboot, only @hourly, @daily"),
        ("²L * * * *", 0, "'²' has no meaning"),
    ],
)  # fmt: skip
def test_an_error_points_at_what_is_wrong(text: str, position: int, problem: str) -> None:
    with pytest.raises(InvalidCron) as raised:
        Cron.parse(text)
    assert problem in str(raised.value)
    assert raised.value.position == position
    assert raised.value.pointer == f"{text}\n{' ' * position}^"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("TZ=Europe/Berlin 0 2 * * *", "the zone stands apart: timezone=…"),
        ("CRON_TZ=UTC 0 2 * * *", "the zone stands apart"),
        ("0 2 * * * America/Argentina/Buenos_Aires", "the zone stands apart"),
        ("@every 5m", "an interval is schedule.every(minutes=5)"),
        ("rate(5 minutes)", "an interval is"),
        ("every day at 2", "an interval is"),
        ("@every_minute", "write * * * * *"),
        ("@minutely", "write * * * * *"),
        ("@quarterly", "write 0 0 1 */3 *"),
        ("@reboot", "nothing here starts with a machine"),
        ("@DAILY", "write @daily"),
        ("@weekly ", "write @weekly"),
        ("hourly", "write @hourly"),
        ("cron(0 2 * * ? *)", "write the five fields alone"),
        ("Mon *-*-* 02:30:00", "30 2 * * * is 02:30 on each day"),
        ("0 2 * * 1, 3", "no space stands beside a comma"),
        ("0 0 2 * * ?", "write no seconds in front"),
        ("0 0 2 * * ? 2026", "no year at the end"),
        ("0 2 ? * MON", "write * in place of ?"),
        ("H 2 * * *", "what spreads schedules is jitter=…"),
        ("0~30 2 * * *", "what spreads schedules is jitter=…"),
        ("0 2 * * L", "5L is the last Friday"),
        ("0 2 * * FRIL", "5L is the last Friday"),
        ("0 2 * * MON#L", "5L is the last Friday"),
        ("0 2 * * Monday", "names have three letters"),
        ("0 2 * january *", "names have three letters"),
        ("0 2 15W * *", "LW is the last day from Monday to Friday"),
        ("0\t2 * * *", "one space stands between two fields"),
    ],
)
def test_an_error_says_what_to_write_for_what_others_write(text: str, advice: str) -> None:
    with pytest.raises(InvalidCron, match=f"; .*{re.escape(advice)}"):
        Cron.parse(text)


@pytest.mark.parametrize(
    "text", ["60 * * * *", "0 0 * * 1-8", "* * * *", "0  2 * * *", "0 2 30 2 *", "0 2 * * SUN-SAN"]
)
def test_an_error_that_says_enough_says_no_more(text: str) -> None:
    with pytest.raises(InvalidCron):
        Cron.parse(text)
    assert dialects.advice(text) is None


@pytest.mark.parametrize("name", ALIASES)
def test_a_name_stands_for_an_expression(name: str) -> None:
    assert Cron.parse(name).next_after(UTC, utc("2026-01-01")) == Cron.parse(ALIASES[name]).next_after(
        UTC, utc("2026-01-01")
    )


@given(st.text(alphabet="0123456789*,/#-LWMONJAN @?_\t²", max_size=40))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with suppress(InvalidCron):
        assert Cron.parse(text).next_after(UTC, utc("2026-01-01")) is not None


class CountingZone(tzinfo):
    """A zone that counts how often it is asked."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.calls = 0

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        self.calls += 1
        return self.zone.utcoffset(dt)

    def tzname(self, dt: datetime | None) -> str | None:
        return self.zone.tzname(dt)

    def dst(self, dt: datetime | None) -> timedelta | None:
        return self.zone.dst(dt)

    def fromutc(self, dt: datetime) -> datetime:
        self.calls += 1
        return self.zone.fromutc(dt.replace(tzinfo=self.zone)).replace(tzinfo=self)


@given(expressions(), st.sampled_from(ODD_ZONES), st.integers(0, 3 * 365 * 24 * 60))
@pytest.mark.thorough
def test_an_evaluation_asks_for_a_bounded_number_of_offsets(expression: Expression, name: str, minutes: int) -> None:
    """S6: whatever the expression and the zone, and however far away the next fire is."""
    zone = CountingZone(ZoneInfo(name))
    Cron.parse(_parsable(expression)).next_after(zone, utc("2026-01-01") + timedelta(minutes=minutes))
    # Twice a search for the second of a change (18 questions in two days), and some more.
    assert zone.calls < 150


def _parsable(expression: Expression) -> str:
    try:
        Cron.parse(expression.text)
    except InvalidCron:
        assume(False)
    return expression.text


@given(expressions(), st.sampled_from(ODD_ZONES), st.data())
def test_it_fires_as_brute_force_does_where_clocks_are_changed(
    expression: Expression, name: str, data: st.DataObject
) -> None:
    """S4, S5: and strictly later each time."""
    zone = ZoneInfo(name)
    _compare(expression, zone, data.draw(st.sampled_from([*changes(zone, 2026), *changes(zone, 2027)])), data)


@given(expressions(), st.sampled_from(ZONES), st.integers(0, 4 * 365 * 24), st.data())
def test_it_fires_as_brute_force_does_in_every_zone(
    expression: Expression, name: str, hours: int, data: st.DataObject
) -> None:
    """S5."""
    zone = ZoneInfo(name)
    found = changes(zone, 2026)
    middle = data.draw(st.sampled_from(found)) if found else utc("2026-01-01") + hours * HOURS
    _compare(expression, zone, middle, data)


def _compare(expression: Expression, zone: tzinfo, middle: datetime, data: st.DataObject) -> None:
    parsed = Cron.parse(_parsable(expression))
    start = middle + timedelta(seconds=data.draw(st.integers(-30 * 3600, 3 * 3600)))
    until = middle + 30 * HOURS
    expected = fires(expression, zone, start, until)
    found = []
    for at in parsed.fires(zone, start):
        if at > until:
            break
        found.append(at)
    assert found == expected
    count = data.draw(st.integers(1, 40))
    assert parsed.last_before(zone, until, count, start) == expected[-count:]


@given(times_of_day(), st.sampled_from(ZONES), st.integers(2025, 2040))
def test_a_time_of_day_fires_once_a_day_in_every_zone(expression: Expression, name: str, year: int) -> None:
    """S7: over a year, all changes of the clocks included. The time of a day that a zone leaves out is due at its end."""
    zone = ZoneInfo(name)
    found = [*islice(Cron.parse(expression.text).fires(zone, datetime(year, 1, 1, tzinfo=zone)), 360)]
    days = [at.astimezone(zone).date() for at in found]
    assert all(b - a == timedelta(days=1) for a, b in pairwise(days))


@given(expressions(), st.sampled_from(ODD_ZONES), st.integers(1, 30), st.integers(0, 2 * 365 * 24 * 60))
def test_looking_backwards_finds_what_looking_forwards_does(
    expression: Expression, name: str, count: int, minutes: int
) -> None:
    """S8: the last of those since then."""
    zone, parsed = ZoneInfo(name), Cron.parse(_parsable(expression))
    since = utc("2026-01-01") + timedelta(minutes=minutes)
    forwards = [*islice(parsed.fires(zone, since), 60)]
    assume(forwards)
    for until in (forwards[-1], forwards[-1] + timedelta(seconds=30)):
        assert parsed.last_before(zone, until, count, since) == forwards[-count:]
    just_before = [at for at in forwards if at < forwards[-1]]
    found = parsed.last_before(zone, forwards[-1] - timedelta(microseconds=1), count, since)
    assert found == just_before[-count:]


def test_what_was_long_ago_is_not_counted() -> None:
    """Every minute of 20 years: the latest is found at once."""
    zone = CountingZone(ZoneInfo("Europe/Berlin"))
    until = utc("2026-11-25 12:00")
    assert Cron.parse("* * * * *").last_before(zone, until, 1, utc("2006-01-01")) == [until]
    assert zone.calls < 30
