from __future__ import annotations

from tests.benchmarks.calm import Times, busy_share, times

STAT = "cpu  100 5 50 800 20 0 10 15 7 0\ncpu0 50 2 25 400 10 0 5 7 3 0\n"


def test_waiting_for_the_disk_is_not_busy_and_guests_are_not_counted_twice() -> None:
    assert times(STAT) == Times(busy=180, all=1000)


def test_busy_share_is_of_the_time_between() -> None:
    assert busy_share(Times(180, 1000), Times(230, 1200)) == 0.25
    assert busy_share(Times(180, 1000), Times(180, 1000)) == 0.0
