"""What a schedule does, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from djangotasks_api.names import scheduled_task_name
from djangotasks_api.schedules.due import CREATED_MAX, Unfinished, due, is_ahead
from djangotasks_api.schedules.record import Skip, SkipReason
from tests.unit.crds.schedules.world import DAY, HOUR, MINUTE, NOON, World


def test_after_years_without_an_operator_as_much_is_considered_as_after_hours() -> None:
    world = World(created_at=NOON - 3000 * DAY)
    world.act()
    assert (world.created, len(world.skips)) == ([NOON], 100)


def test_an_edit_that_comes_before_the_first_look_runs_nothing_for_the_past_either() -> None:
    world = World({"cron": ["0 11 * * *"]}, created_at=NOON - 3 * HOUR, generation=2)
    world.act()
    assert world.created == []


@pytest.mark.parametrize(("known_for", "created"), [(0, ()), (90, (NOON + 2 * MINUTE,))])
def test_an_edit_that_waited_for_others_loses_no_time_after_it(known_for: int, created: tuple[datetime, ...]) -> None:
    world = World({"cron": ["@yearly"]})
    world.act()
    world.spec = {"cron": ["* * * * *"], "catchUp": "All", "concurrencyPolicy": "Allow"}
    world.generation = 2
    now = NOON + 2 * MINUTE + timedelta(seconds=30)
    decision = due(world.plan, world.stored, {}, now, known_for=timedelta(seconds=known_for))
    assert (decision.create, decision.record.since) == (created, now - timedelta(seconds=known_for))


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


def test_none_leaves_out_nothing_that_waited_for_others_to_be_created() -> None:
    """Ten thousand that are due at one minute take longer than that."""
    world = World({"cron": ["0 * * * *"], "catchUp": "None"})
    world.act()
    now = NOON + HOUR + timedelta(seconds=150)
    late = due(world.plan, world.stored, {}, now, waited=timedelta(seconds=80))
    assert (late.create, [skip.reason for skip in late.skips]) == ((), [SkipReason.MISSED])
    waited = due(world.plan, world.stored, {}, now, waited=timedelta(seconds=149))
    assert (waited.create, waited.skips) == ((NOON + HOUR,), ())


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
