"""What a schedule does, whatever happens: crashes, edits, and clocks that jump."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.crds.schedules.world import NOON, World

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
