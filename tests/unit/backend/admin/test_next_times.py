from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from django_tasks_kubernetes.admin import next_times
from django_tasks_kubernetes.admin.next_times import KEPT_MAX, NextTimes
from django_tasks_kubernetes.presentation import schedule_times
from djangotasks_api.schedules.cron import InvalidCron
from tests.unit.backend.schedule_resources import schedule_resource

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Counted:
    """How often times were looked for."""

    number = 0

    def __call__(self, *args: Any) -> Any:
        self.number += 1
        return self.find(*args)

    find = staticmethod(schedule_times.next_times)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    monkeypatch.setattr(next_times, "next_times", counted)
    return counted


def test_times_are_looked_for_again_when_one_has_passed(looked: Counted) -> None:
    times, schedule = NextTimes(), schedule_resource(cron=["0 0 29 2 *"])
    first = times.of(schedule, NOW, 3)
    assert [at.year for at in first] == [2028, 2032, 2036]
    assert times.of(schedule, first[0] - DAY, 3) == first
    assert looked.number == 1
    assert times.of(schedule, first[0], 2) == first[1:]
    assert looked.number == 2


def test_more_times_are_looked_for_and_fewer_are_not(looked: Counted) -> None:
    times, schedule = NextTimes(), schedule_resource()
    assert [len(times.of(schedule, NOW, number)) for number in (3, 10, 3)] == [3, 10, 3]
    assert looked.number == 2


def test_a_clock_that_was_set_back_has_other_times(looked: Counted) -> None:
    times, schedule = NextTimes(), schedule_resource()
    assert times.of(schedule, NOW, 1)[0] > times.of(schedule, NOW - 3 * DAY, 1)[0]


@pytest.mark.parametrize(
    "changed",
    [{"cron": ["0 3 * * *"]}, {"timeZone": "Asia/Tokyo"}, {"suspended": True}, {"endAt": "2026-12-01T12:00:00Z"}],
)
def test_a_schedule_that_was_changed_has_its_own(changed: dict[str, Any]) -> None:
    times = NextTimes()
    assert times.of(schedule_resource(), NOW, 3) != times.of(schedule_resource(**changed), NOW, 3)


def test_what_is_never_due_again_is_not_looked_for_again(looked: Counted) -> None:
    times, over = NextTimes(), schedule_resource(endAt="2020-01-01T00:00:00Z")
    assert times.of(over, NOW, 3) == times.of(over, NOW + DAY, 3) == []
    assert looked.number == 1


def test_what_cannot_be_read_is_refused_each_time() -> None:
    times = NextTimes()
    for _ in range(2):
        with pytest.raises(InvalidCron):
            times.of(schedule_resource(cron=["61 * * * *"]), NOW, 3)


def test_only_so_many_are_kept() -> None:
    times = NextTimes()
    with patch.object(next_times, "next_times", lambda *args: []):
        for minutes in range(KEPT_MAX + 9):
            times.of(schedule_resource(cron=None, everyMinutes=minutes), NOW, 3)
    assert len(times._found) == KEPT_MAX
