"""When the beat for development says that a schedule is due, on a clock of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from django.test import override_settings

from django_tasks_kubernetes.beat import Beat, enqueue
from django_tasks_kubernetes.schedules.definition import Schedule
from django_tasks_kubernetes.testing import in_memory
from djangotasks_api.schedules.timing import UnknownTimeZone
from tests.unit.backend import tasks

START = datetime(2026, 11, 29, 11, 59, 30, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START
    naps: list[timedelta] = field(default_factory=list)
    late: Callable[[timedelta], timedelta] = lambda nap: nap
    """How long a nap takes."""

    def sleep(self, nap: timedelta) -> None:
        self.naps.append(nap)
        self.now += self.late(nap)


def declared(name: str, **fields: Any) -> Schedule:
    given: Any = {"task": tasks.echo, "name": name}
    return Schedule(**given | fields)


def due(clock: Clock, number: int, *schedules: Schedule) -> list[tuple[str, str]]:
    beat = Beat(Beat.of(schedules).timings, now=lambda: clock.now, sleep=clock.sleep)
    return [(one.schedule.name, f"{one.at:%H:%M}") for one in islice(beat.ticks(), number)]


def test_schedules_are_due_at_their_times() -> None:
    schedules = declared("a", every_minutes=2), declared("b", cron=("1 12 * * *",), timezone="UTC")
    assert due(Clock(), 4, *schedules) == [("a", "12:00"), ("b", "12:01"), ("a", "12:02"), ("a", "12:04")]


def test_two_of_one_name_have_their_own_times() -> None:
    """They are in two namespaces."""
    assert due(Clock(), 4, declared("a", every_minutes=2), declared("a", cron=("1 12 * * *",), timezone="UTC")) == [
        ("a", "12:00"),
        ("a", "12:01"),
        ("a", "12:02"),
        ("a", "12:04"),
    ]


def test_a_clock_that_is_set_is_noticed_soon() -> None:
    clock = Clock()
    due(clock, 1, declared("a", every_minutes=5))
    assert set(clock.naps) == {timedelta(seconds=30)}


def test_times_that_passed_while_it_slept_count_once() -> None:
    clock = Clock(late=lambda nap: nap + timedelta(minutes=10))
    assert due(clock, 3, declared("a", every_minutes=2)) == [("a", "12:10"), ("a", "12:20"), ("a", "12:30")]


def test_one_that_begins_at_the_end_of_dates_delays_no_other() -> None:
    never = datetime.max.replace(tzinfo=UTC)
    schedules = declared("never", every_minutes=1, start_at=never), declared("a", every_minutes=2, end_at=never)
    assert due(Clock(), 2, *schedules) == [("a", "12:00"), ("a", "12:02")]


def test_it_ends_with_the_last_schedule() -> None:
    end = datetime(2026, 11, 29, 12, 1, tzinfo=UTC)
    assert due(Clock(), 9, declared("a", every_minutes=1, end_at=end)) == [("a", "12:00"), ("a", "12:01")]


def test_a_schedule_that_is_wrong() -> None:
    with pytest.raises(UnknownTimeZone):
        Beat.of([declared("a", cron=("@daily",), timezone="Mars/Olympus")])


def test_enqueue_makes_the_task_of_the_time() -> None:
    schedule = declared("a", every_minutes=1, task=tasks.says_when)
    with in_memory() as cluster:
        assert enqueue(schedule, START).id == "a-202611291159"
        (done,) = cluster.run_pending()
        assert (done.return_value, done.schedule) == (START.isoformat(), "a")
        assert enqueue(schedule, START, name="by-hand").id == "by-hand"


def test_enqueue_by_another_backend() -> None:
    schedule = declared("a", every_minutes=1, args=(1,), kwargs={"b": 2})
    with override_settings(TASKS={"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}):
        result: Any = enqueue(schedule, START)
    assert result.return_value == {"args": [1], "kwargs": {"b": 2}}
