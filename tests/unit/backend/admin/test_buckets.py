"""Spans of time, also over nights in which the clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from django_tasks_kubernetes.admin.buckets import Buckets, percentile, summed
from django_tasks_kubernetes.admin.windows import WINDOWS

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 12, 1, 30, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_an_hour_has_sixty_minutes_and_the_last_one_is_now() -> None:
    buckets = Buckets.until(NOW, HOUR, MINUTE, BERLIN)
    assert len(buckets) == 60
    assert buckets.begin == datetime(2026, 11, 23, 11, 2, tzinfo=UTC)
    assert buckets.edges[-1] == datetime(2026, 11, 23, 12, 2, tzinfo=UTC)
    assert buckets.place(NOW) == 59


@pytest.mark.parametrize(
    ("at", "place"),
    [
        (None, None),
        (NOW - HOUR, None),
        (NOW - HOUR + timedelta(seconds=30), 0),
        (datetime(2026, 11, 23, 11, 3, tzinfo=UTC), 1),
        (datetime(2026, 11, 23, 12, 2, tzinfo=UTC), None),
    ],
)
def test_each_moment_is_in_one_bucket(at: datetime | None, place: int | None) -> None:
    assert Buckets.until(NOW, HOUR, MINUTE, BERLIN).place(at) == place


@pytest.mark.parametrize("word", WINDOWS)
@pytest.mark.parametrize("zone", [UTC, BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/Santiago")], ids=str)
@pytest.mark.parametrize(
    "now",
    [
        NOW,
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # twice 02:30 in Berlin
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),  # no 02:00 in Berlin
        datetime(2026, 9, 6, 4, 30, tzinfo=UTC),  # no midnight in Santiago
        datetime(2026, 4, 5, 3, 30, tzinfo=UTC),
    ],
    ids=str,
)
def test_buckets_follow_each_other_without_a_gap(word: str, zone: ZoneInfo, now: datetime) -> None:
    window = WINDOWS[word]
    buckets = window.buckets(now, zone)
    assert len(buckets) == window.length // window.step
    assert list(buckets.edges) == sorted(set(buckets.edges))
    assert buckets.edges[-2] <= now < buckets.edges[-1]


def test_long_ones_begin_at_midnight_and_a_day_of_a_clock_change_has_as_many() -> None:
    now = datetime(2026, 10, 26, 11, 0, tzinfo=UTC)
    buckets = Buckets.until(now, timedelta(days=2), timedelta(hours=6), BERLIN)
    local = [edge.astimezone(BERLIN) for edge in buckets.edges]
    assert [edge.hour for edge in local] == [18, 0, 6, 12, 18, 0, 6, 12, 18]
    lengths = {after - before for before, after in zip(buckets.edges, buckets.edges[1:], strict=False)}
    assert lengths == {timedelta(hours=6), timedelta(hours=7)}


def test_an_hour_that_is_there_twice_has_all_of_its_minutes() -> None:
    buckets = Buckets.until(datetime(2026, 10, 25, 2, 0, tzinfo=UTC), timedelta(hours=3), timedelta(minutes=15), BERLIN)
    hours = [edge.astimezone(BERLIN).hour for edge in buckets.edges[:-1]]
    assert hours == [1] * 3 + [2] * 8 + [3]


def test_moments_are_counted_and_values_gathered() -> None:
    buckets = Buckets.until(NOW, timedelta(minutes=3), MINUTE, UTC)
    early, late = NOW - 2 * MINUTE, NOW
    assert buckets.counts([early, None, late, late, NOW - HOUR]) == [1, 0, 2]
    assert buckets.gathered([(late, 2.0), (early, 1.0), (None, 9.0), (late, 3.0)]) == [[1.0], [], [2.0, 3.0]]
    assert summed([[1, 0, 2], [0, 0, 3]]) == [1, 0, 5]


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([], 0.5, None), ([7.0], 0.5, 7.0), ([7.0], 0.95, 7.0), ([1.0, 2.0], 0.5, 1.0), (range(1, 101), 0.95, 95)],
)
def test_percentiles_are_values_that_there_are(values: list[float], share: float, found: float | None) -> None:
    assert percentile(values, share) == found
