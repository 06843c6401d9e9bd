"""What went wrong with the schedules of other systems, as their users reported it, and does not here."""

from __future__ import annotations

from datetime import timedelta

import pytest

from djangotasks_api.schedules.record import Skip, SkipReason
from tests.unit.crds.schedules.world import DAY, HOUR, MINUTE, NOON, World


def test_after_200_minutes_without_an_operator_it_goes_on() -> None:
    """kubernetes#42649, #83642: CronJob stops for ever after 100 missed times."""
    world = World()
    world.wait(3 * MINUTE)
    del world.created[:]
    world.now += 200 * MINUTE
    world.act()
    assert world.created == [world.now]
    world.finish()
    world.wait(2 * MINUTE)
    assert world.created[1:] == [world.now - MINUTE, world.now]
    assert world.skips[-1] == Skip(NOON + 202 * MINUTE, SkipReason.MISSED)


def test_nothing_is_caught_up_on_when_it_is_resumed() -> None:
    """kubernetes#45825; airflow#57488, #19126: runs at once when it is resumed."""
    world = World({"cron": ["0 2 * * *"], "suspended": True})
    world.wait(7 * DAY)
    world.spec["suspended"] = False
    world.act()
    assert world.created == []
    world.wait(DAY)
    assert world.created == [NOON.replace(hour=2) + 8 * DAY]


def test_an_edit_to_a_time_that_has_passed_today_waits_for_tomorrow() -> None:
    """kubernetes#63371 ("1000 emails before we could kill it"), #130838, #123220, #65457, #57853."""
    world = World({"cron": ["0 20 * * *"]})
    world.act()
    world.spec["cron"] = ["0 11 * * *"]
    world.act()
    assert world.created == []
    world.wait(DAY)
    assert world.created == [NOON.replace(hour=11) + DAY]


def test_an_edit_of_what_is_no_time_changes_no_time() -> None:
    """kubernetes#63371: applied without a change, and it ran."""
    world = World({"cron": ["0 * * * *"]})
    world.wait(HOUR)
    stored = world.stored
    world.spec |= {"task": {"task": "a.b"}, "concurrencyPolicy": "Allow", "timeZone": "UTC", "suspended": False}
    world.act()
    assert (world.created, world.stored) == ([NOON + HOUR], stored)


def test_a_new_zone_holds_at_once() -> None:
    """django-celery-beat needs last_run_at=None by hand; celery#4041, #4184."""
    world = World({"cron": ["0 20 * * *"], "timeZone": "America/New_York"})
    world.act()
    world.spec["timeZone"] = "Europe/Berlin"
    world.act()
    world.wait(8 * HOUR)
    assert world.created == [NOON.replace(hour=19)]


def test_two_leaders_make_one_task() -> None:
    """celery#2856; django-celery-beat#337, #576; argo#2694: both see that it is due."""
    world = World()
    world.now += MINUTE
    first, second = world.decide(), world.decide()
    for at in (*first.create, *second.create):
        world.create(at)
    assert world.created == [NOON + MINUTE]


@pytest.mark.parametrize("policy", ["Allow", "Forbid", "Replace", "Queue"])
@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("second", [0, 1])
def test_a_leader_that_dies_in_the_second_of_a_time_neither_loses_nor_doubles_it(
    policy: str, ended: bool, second: int
) -> None:
    """good_job#1484, #1543; argo#12625; airflow#33404. Nor does `Replace` cancel the task of its own time, nor does
    `Forbid` leave it out."""
    world = World({"concurrencyPolicy": policy})
    world.now += MINUTE + timedelta(seconds=second)
    world.act(dies_after=second)
    if ended:
        world.finish()
    world.act()
    assert world.created == [NOON + MINUTE]
    assert world.stored.last == NOON + MINUTE
    assert not world.skips
    assert not any(task.cancelled for task in world.tasks.values())


def test_several_expressions_are_caught_up_on_once() -> None:
    """airflow#47566: each of them catches up for itself."""
    world = World({"cron": ["0 * * * *", "15 * * * *", "30 * * * *"]})
    world.act()
    world.now += 5 * HOUR + 20 * MINUTE
    world.act()
    assert world.created == [NOON + 5 * HOUR + 15 * MINUTE]


def test_a_schedule_that_is_deleted_and_created_again_keeps_its_new_times() -> None:
    """solid_queue#792, #738. Nor does it create again what exists."""
    world = World({"cron": ["30 12 * * *"]})
    world.wait(30 * MINUTE)
    world = World({"cron": ["30,31 12 * * *"]}, world.now, world.now, finished=world.finished)
    world.wait(5 * MINUTE)
    assert world.created == [NOON + 31 * MINUTE]


def test_what_is_too_late_is_counted_and_said() -> None:
    """kubernetes#86647: a short deadline and a busy controller, and one day in five is missing without a word."""
    world = World({"startingDeadlineSeconds": 10})
    world.act()
    world.now += 2 * MINUTE + timedelta(seconds=11)
    world.act()
    assert world.created == []
    assert world.stored.skipped == Skip(NOON + 2 * MINUTE, SkipReason.STARTING_DEADLINE_EXCEEDED)
    assert world.stored.skipped_count == 2


def test_one_that_waits_is_kept_and_no_second_one_is() -> None:
    """temporal#11530: with a run, and one that waits for it, a later time waited as well, and ran beside the first."""
    world = World({"concurrencyPolicy": "Queue"})
    world.wait(4 * MINUTE, finish=False)
    assert world.created == [NOON + MINUTE]
    assert world.stored.pending == NOON + 2 * MINUTE
    world.finish()
    world.act()
    assert world.created == [NOON + MINUTE, NOON + 2 * MINUTE]
    assert [skip.scheduled_for for skip in world.skips] == [NOON + 3 * MINUTE, NOON + 4 * MINUTE]


def test_a_run_that_takes_longer_than_its_interval_costs_no_run() -> None:
    """apscheduler#977, #1095: the next run of a job that took 65 seconds of each minute was left out, and its turn came
    a minute later."""
    world = World({"concurrencyPolicy": "Queue"})
    world.wait(MINUTE, finish=False)
    world.wait(MINUTE + timedelta(seconds=5), finish=False)
    world.finish()
    world.act()
    assert world.created == [NOON + MINUTE, NOON + 2 * MINUTE]
    assert world.created_when[1] == NOON + 2 * MINUTE + timedelta(seconds=5)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Europe/Vilnius", "UTC", "America/New_York", "Pacific/Niue"])
def test_a_zone_ahead_or_behind_makes_one_run_a_day(zone: str) -> None:
    """celery#9715, django-celery-beat#319: without end, or twice a day, eight hours apart, where the zone of the
    schedule was another than the process's."""
    world = World({"cron": ["15 5 * * *"], "timeZone": zone})
    world.wait(10 * DAY)
    assert len(world.created) == 10
    assert {later - sooner for sooner, later in zip(world.created, world.created[1:], strict=False)} == {DAY}
