"""What a schedule does, and when. The first tests are what users of other schedulers ran into, with their reports."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.names import scheduled_task_name
from djangotasks_api.schedules.due import CREATED_MAX, Unfinished, is_ahead
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


def test_after_years_without_an_operator_as_much_is_considered_as_after_hours() -> None:
    world = World(created_at=NOON - 3000 * DAY)
    world.act()
    assert (world.created, len(world.skips)) == ([NOON], 100)


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


def test_an_edit_that_comes_before_the_first_look_runs_nothing_for_the_past_either() -> None:
    world = World({"cron": ["0 11 * * *"]}, created_at=NOON - 3 * HOUR, generation=2)
    world.act()
    assert world.created == []


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


def test_it_is_created_when_it_is_created_and_not_before() -> None:
    """A time up to the creation is none."""
    world = World(created_at=NOON - MINUTE)
    assert world.decide().create == (NOON,)
    assert World(created_at=NOON).decide().create == ()


@pytest.mark.parametrize(
    ("policy", "catch_up", "created", "left_out"),
    [
        ("Allow", "None", [3], {1, 2}),
        ("Allow", "Latest", [3], {1, 2}),
        ("Allow", "All", [1, 2, 3], set()),
        ("Forbid", "Latest", [3], {1, 2}),
        ("Forbid", "All", [1, 2, 3], set()),
        ("Queue", "Latest", [3], {1, 2}),
        ("Queue", "All", [1, 2, 3], set()),
        ("Replace", "All", [3], {1, 2}),
    ],
)
def test_what_is_caught_up_on(policy: str, catch_up: str, created: list[int], left_out: set[int]) -> None:
    world = World({"concurrencyPolicy": policy, "catchUp": catch_up})
    world.act()
    world.now += 3 * MINUTE
    for _ in range(3):
        world.act()
        world.finish()
    assert world.created == [NOON + n * MINUTE for n in created]
    assert {skip.scheduled_for for skip in world.skips} == {NOON + n * MINUTE for n in left_out}


def test_none_leaves_out_what_was_missed_for_more_than_a_minute() -> None:
    world = World({"cron": ["0 * * * *"], "catchUp": "None"})
    world.act()
    world.now += HOUR + timedelta(seconds=61)
    world.act()
    assert (world.created, world.reasons()) == ([], {SkipReason.MISSED})


def test_all_catches_up_on_the_latest_so_many() -> None:
    world = World({"concurrencyPolicy": "Allow", "catchUp": "All", "catchUpLimit": 60})
    world.act()
    world.now += 80 * MINUTE
    assert len(world.decide().create) == CREATED_MAX
    world.act()
    assert world.created == [NOON + n * MINUTE for n in range(21, 81)]
    assert len(world.skips) == 20


def test_forbid_leaves_a_time_out_while_a_task_runs() -> None:
    world = World()
    world.wait(3 * MINUTE, finish=False)
    assert world.created == [NOON + MINUTE]
    assert world.skips == [Skip(NOON + n * MINUTE, SkipReason.PREVIOUS_UNFINISHED) for n in (2, 3)]
    world.finish()
    world.wait(MINUTE)
    assert world.created[1:] == [NOON + 4 * MINUTE]


def test_queue_keeps_one_time_until_the_task_has_finished() -> None:
    world = World({"concurrencyPolicy": "Queue"})
    world.wait(4 * MINUTE, finish=False)
    assert (world.created, world.stored.pending) == ([NOON + MINUTE], NOON + 2 * MINUTE)
    assert world.skips == [Skip(NOON + n * MINUTE, SkipReason.PREVIOUS_UNFINISHED) for n in (3, 4)]
    world.finish()
    world.act()
    assert (world.created[1:], world.stored.pending) == ([NOON + 2 * MINUTE], None)


@pytest.mark.parametrize(
    ("task", "own"),
    [
        (Unfinished(), True),
        (Unfinished(cancelled=True, runs=("task", "shop.tasks.nightly")), True),
        (Unfinished(runs=("task", "a.b")), False),
        (Unfinished(runs=("workflow", "shop.tasks.nightly")), False),
        (Unfinished(runs=("task", "shop.tasks.nightly"), deferred=True), False),
    ],
)
def test_what_has_the_name_of_a_time_is_its_run(task: Unfinished, own: bool) -> None:
    """Nobody recorded it: a leader that has died created it, or somebody else something else."""
    world = World({"task": {"task": "shop.tasks.nightly"}}, now=NOON + MINUTE)
    world.tasks[scheduled_task_name("nightly", NOON + MINUTE)] = task
    decision = world.decide()
    assert (decision.create, decision.record.last) == (((), NOON + MINUTE) if own else ((NOON + MINUTE,), None))


def test_replace_cancels_and_waits_until_the_pod_is_gone() -> None:
    world = World({"concurrencyPolicy": "Replace"})
    world.wait(2 * MINUTE, finish=False)
    name = scheduled_task_name("nightly", NOON + MINUTE)
    assert world.tasks == {name: Unfinished(cancelled=True)}
    assert world.decide().cancel == ()
    world.wait(MINUTE, finish=False)
    assert world.skips == [Skip(NOON + 2 * MINUTE, SkipReason.REPLACED)]
    world.finish()
    world.act()
    assert world.created == [NOON + MINUTE, NOON + 3 * MINUTE]


def test_what_waits_is_dropped_by_a_change_of_the_times() -> None:
    world = World({"concurrencyPolicy": "Queue"})
    world.wait(2 * MINUTE, finish=False)
    world.spec["cron"] = ["0 3 * * *"]
    world.finish()
    world.act()
    assert (world.created, world.reasons()) == ([NOON + MINUTE], {SkipReason.TIMES_CHANGED})


def test_what_waits_is_dropped_when_it_is_too_late() -> None:
    world = World({"concurrencyPolicy": "Queue", "startingDeadlineSeconds": 90})
    world.wait(4 * MINUTE, finish=False)
    # The third took the place of the second.
    assert [skip.scheduled_for for skip in world.skips] == [NOON + n * MINUTE for n in (3, 2)]
    assert world.stored.pending == NOON + 4 * MINUTE


def test_a_clock_that_was_wrong_creates_nothing_twice() -> None:
    world = World()
    world.wait(5 * MINUTE)
    world.now -= 2 * HOUR
    world.act()
    assert world.decide().wake_at == NOON + 6 * MINUTE
    world.wait(2 * HOUR + MINUTE)
    assert world.created == [NOON + n * MINUTE for n in range(1, 7)]


@pytest.mark.parametrize("how", ["edited", "resumed"])
@pytest.mark.parametrize("policy", ["Allow", "Forbid", "Queue"])
def test_an_edit_goes_on_from_now_after_a_clock_that_was_ahead(policy: str, how: str) -> None:
    world = World({"concurrencyPolicy": policy})
    world.wait(MINUTE)
    world.now += 365 * DAY
    world.act()
    world.act()
    world.finish()
    world.now -= 365 * DAY
    world.act()
    assert is_ahead(world.stored, world.now)
    created = len(world.created)
    if how == "edited":
        world.spec["cron"] = ["*/1 * * * *"]
    else:
        world.spec["suspended"] = True
        world.act()
        world.spec["suspended"] = False
    world.act()
    assert not is_ahead(world.stored, world.now)
    world.wait(2 * MINUTE)
    assert world.created[created:] == [NOON + 2 * MINUTE, NOON + 3 * MINUTE]


def test_replicas_whose_clocks_differ_by_seconds_are_not_ahead() -> None:
    world = World()
    world.wait(MINUTE)
    world.now -= timedelta(seconds=20)
    assert not is_ahead(world.stored, world.now)
    world.spec["cron"] = ["*/1 * * * *"]
    world.wait(MINUTE)
    assert world.created == [NOON + MINUTE]


def test_a_suspended_schedule_does_nothing_and_wakes_for_nothing() -> None:
    decision = World({"suspended": True}, now=NOON + HOUR).decide()
    assert (decision.create, decision.next_time, decision.wake_at) == ((), None, None)


def test_a_jitter_keeps_the_order_and_is_the_same_for_all() -> None:
    world = World({"cron": ["*/2 * * * *"], "jitterSeconds": 3600})
    world.wait(HOUR)
    delays = [at - time for time, at in zip(world.created, world.created_when, strict=True)]
    assert world.created == [NOON + n * MINUTE for n in range(2, 60, 2)]
    assert all(timedelta(0) <= delay < 2 * MINUTE for delay in delays)
    assert len(set(delays)) == len(delays)
    assert world.plan.due_at(NOON) == World(world.spec).plan.due_at(NOON)


SPECS = st.fixed_dictionaries(
    {
        "cron": st.sampled_from([["* * * * *"], ["*/5 * * * *"], ["0 * * * *", "30 * * * *"], ["@daily"]]),
        "concurrencyPolicy": st.sampled_from(["Allow", "Forbid", "Replace", "Queue"]),
        "catchUp": st.sampled_from(["None", "Latest", "All"]),
        "suspended": st.sampled_from([False, False, False, True]),
        "jitterSeconds": st.sampled_from([0, 0, 30, 3600]),
    },
    optional={"startingDeadlineSeconds": st.sampled_from([10, 600]), "catchUpLimit": st.sampled_from([1, 3, 200])},
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([1, 30, 60, 61, 299, 3600, 90_000])),
        st.tuples(st.just("act"), st.none()),
        st.tuples(st.just("die"), st.integers(0, 2)),
        st.tuples(st.just("finish"), st.booleans()),
        st.tuples(st.just("edit"), SPECS),
        st.tuples(st.just("clock"), st.sampled_from([-7200, 7200])),
    ),
    max_size=30,
)


@given(SPECS, STEPS)
def test_whatever_happens_a_time_has_one_task_at_most(spec: dict[str, Any], steps: list[tuple[str, Any]]) -> None:
    """S1, S3, S4: crashes after any creation, edits, steps of the clock; and finished tasks are deleted, once they are
    recorded. Nothing is created for a time before the last edit, or of another version."""
    world = World(spec)
    edited_at, before = NOON, 0
    for what, argument in steps:
        match what:
            case "wait" | "clock":
                world.now += timedelta(seconds=argument)
            case "act":
                world.act()
            case "die":
                world.act(dies_after=argument)
            case "finish":
                world.finish(delete=argument)
            case _:
                old, world.spec = world.plan.digest, argument
                if world.plan.digest != old:
                    # It holds from when somebody who leads sees it, which may be at the second try.
                    edited_at, before = world.now, len(world.created)
                    world.generation += 1
                    world.act(dies_after=0)
                    world.act()
        assert all(at > edited_at for at in world.created[before:])
        # Since the last edit: that forgets what a clock that was ahead has created.
        assert len(world.created[before:]) == len(set(world.created[before:]))
        assert all(at <= when for at, when in zip(world.created, world.created_when, strict=True))


@given(st.lists(st.tuples(st.integers(1, 900), st.sampled_from(["act", "die", "finish"])), max_size=20))
def test_all_creates_exactly_the_times_that_there_are(steps: list[tuple[int, str]]) -> None:
    """S2: each, in order, whatever dies in between."""
    world = World({"cron": ["*/3 * * * *", "17 * * * *"], "catchUp": "All", "catchUpLimit": 1000,
                   "concurrencyPolicy": "Allow"})  # fmt: skip
    world.act()
    for seconds, what in steps:
        world.now += timedelta(seconds=seconds)
        if what == "finish":
            world.finish(delete=True)
        else:
            world.act(dies_after=1 if what == "die" else None)
    world.act()
    assert world.created == [*world.plan.timing.between(NOON, world.now)]
    assert all(a < b for a, b in pairwise(world.created))
    assert not world.skips


@given(st.sampled_from(["Forbid", "Queue"]), st.lists(st.integers(1, 400), max_size=15))
def test_all_with_forbid_runs_one_after_the_other(policy: str, waits: list[int]) -> None:
    world = World({"catchUp": "All", "catchUpLimit": 1000, "concurrencyPolicy": policy})
    world.act()
    for seconds in waits:
        world.now += timedelta(seconds=seconds)
        world.act()
        assert len(world.tasks) <= 1
        world.finish()
    while world.decide().create:
        world.act()
        world.finish()
    assert world.created == [*world.plan.timing.between(NOON, world.now)]
