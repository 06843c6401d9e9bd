"""How large a pool of standby pods is: its rules one by one, and played through with tasks that come at random."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest

from djangotasks_operator.scheduling.standby_pool import (
    BACKOFF_LAST,
    SHRINK_SECONDS,
    Arrivals,
    Member,
    Plan,
    Pool,
    plan,
    target,
)


@pytest.mark.parametrize(
    ("rate", "refill", "least", "most", "expected"),
    [
        (0.0, 3.0, 1, 10, 1),
        (0.0, 3.0, 0, 10, 0),
        (0.001, 3.0, 0, 10, 0),  # one in a quarter of an hour
        (0.5, 2.0, 1, 10, 4),  # 1 comes meanwhile, and 3 more may
        (1.0, 4.0, 1, 20, 10),
        (10.0, 4.0, 1, 10, 10),
        (10.0, 4.0, 12, 12, 12),
    ],
)
def test_the_size(rate: float, refill: float, least: int, most: int, expected: int) -> None:
    assert target(rate, refill, least, most) == expected


def member(name: str, age: float = 10, *, fresh: bool = True, ready: bool = True) -> Member:
    return Member(name, age, fresh, ready)


OLD = 3600
PLANS: dict[str, tuple[list[Member], int, bool, Plan]] = {
    "none yet": ([], 2, False, Plan(2)),
    "as many as wanted": ([member("a"), member("b")], 2, False, Plan()),
    "one is being started": ([member("a"), member("b", ready=False)], 2, False, Plan()),
    "stale ones": ([member("a", fresh=False), member("b")], 2, False, Plan(1, ("a",))),
    "all are stale": ([member("a", fresh=False), member("b", fresh=False)], 2, False, Plan(2, ("a", "b"))),
    "too many, for a moment": ([member("a"), member("b"), member("c")], 2, False, Plan()),
    "too many, for long": ([member("a", 30), member("b", 20), member("c", 10)], 2, True, Plan(0, ("a",), True)),
    "one too many is being started": ([member("a"), member("b"), member("c", ready=False)], 2, True, Plan(0, ("c",), True)),
    "an old one": ([member("a", OLD), member("b")], 2, False, Plan(1)),
    "an old one, and another in its place": ([member("a", OLD), member("b"), member("c")], 2, False, Plan(0, ("a",))),
    "an old one, and another on its way": ([member("a", OLD), member("b"), member("c", ready=False)], 2, False, Plan()),
    "all are old": ([member("a", OLD), member("b", OLD)], 2, False, Plan(1)),
    "none comes in their place": ([member("a", 2 * OLD), member("b", OLD)], 2, False, Plan(1, ("a",))),
    "one that never waited": ([member("a", 2 * OLD, ready=False), member("b")], 2, False, Plan(1)),
    "nothing is wanted": ([member("a")], 0, True, Plan(0, ("a",), True)),
    "an old one, and none is wanted": ([member("a", OLD)], 0, False, Plan(0, ("a",))),
}  # fmt: skip


@pytest.mark.parametrize(("members", "wanted", "may_shrink", "expected"), PLANS.values(), ids=PLANS)
def test_what_to_do(members: list[Member], wanted: int, may_shrink: bool, expected: Plan) -> None:
    assert plan(members, wanted, OLD, may_shrink=may_shrink) == expected


BEYOND: dict[str, tuple[list[Member], int, Plan]] = {
    "none": ([member("a"), member("b")], 2, Plan()),
    "one is being started": ([member("a", 30), member("b", ready=False)], 1, Plan(0, ("b",))),
    "the oldest": ([member("a", 30), member("b", 20), member("c")], 1, Plan(0, ("a", "b"))),
    "one is to take the place of an old one": ([member("a", OLD), member("b", ready=False)], 1, Plan()),
    "some, and an old one": ([member("a", OLD), *map(member, "bcd")], 2, Plan(0, ("a", "b"))),
    "stale ones": ([member("a", fresh=False), member("b"), member("c")], 1, Plan(0, ("a", "b"))),
}


@pytest.mark.parametrize(("members", "most", "expected"), BEYOND.values(), ids=BEYOND)
def test_what_is_beyond_the_most_goes_at_once(members: list[Member], most: int, expected: Plan) -> None:
    assert plan(members, 1, OLD, most=most) == expected


def test_all_old_ones_are_replaced_one_by_one() -> None:
    members, replaced = [member(name, OLD) for name in "abc"], 0
    for number in range(20):
        todo = plan(members, 3, OLD)
        members = [one for one in members if one.name not in todo.delete]
        members += [member(f"new-{number}-{index}") for index in range(todo.create)]
        replaced += todo.create
        assert 3 <= len(members) <= 4
    assert (replaced, {one.age for one in members}) == (3, {10})


def test_the_rate_is_that_of_the_last_minutes() -> None:
    arrivals, now = Arrivals(), 0.0
    for _ in range(600):
        now += 0.5
        arrivals.note(now)
    assert arrivals.rate(now) == pytest.approx(2, rel=0.05)
    assert arrivals.rate(now + 600) < 0.001
    assert arrivals.rate(now - 5) == arrivals.rate(now), "a clock may be set back"


def test_failures_make_it_wait_longer_until_one_starts() -> None:
    pool, waits, now = Pool(), list[float](), 0.0
    for _ in range(12):
        pool.failed(now)
        pool.failed(now)
        waits.append(pool.delay(now))
        now += waits[-1]
    assert waits[:4] == [1, 2, 4, 8], "those that fail together fail once"
    assert waits[-1] == BACKOFF_LAST
    pool.started(2.0)
    assert pool.delay(now) == 0
    pool.failed(now)
    assert pool.delay(now) == 1


def test_a_pause_lasts_whatever_starts() -> None:
    pool = Pool()
    pool.pause(300.0)
    pool.started(2.0)
    assert pool.delay(100.0) == 200
    pool.forgive()
    assert pool.delay(100.0) == 0


def test_it_shrinks_slowly_and_only_what_has_been_idle() -> None:
    pool, shrunk = Pool(), list[int]()
    for second in range(200):
        surplus = 3 - len(shrunk) if second != 50 else 0
        if pool.may_shrink(surplus, 60, float(second)):
            pool.shrunk(float(second))
            shrunk.append(second)
    assert shrunk == [111, 111 + SHRINK_SECONDS, 111 + 2 * SHRINK_SECONDS]


@dataclass
class World:
    """A queue whose tasks come at random, and whose pods take their time to start."""

    least: int = 2
    most: int = 6
    refill: float = 3.0
    idle_seconds: float = 60.0
    pool: Pool = field(default_factory=Pool)
    now: float = 0.0
    ready: list[float] = field(default_factory=list)
    starting: list[float] = field(default_factory=list)
    hits: int = 0
    misses: int = 0
    most_seen: int = 0

    def pass_until(self, until: float) -> None:
        """The controller looks each half second, and when a task comes."""
        while self.now < until:
            self.now = min(self.now + 0.5, until)
            self.look()

    def look(self) -> None:
        while self.starting and self.starting[0] <= self.now:
            self.ready.append(heapq.heappop(self.starting))
            self.pool.started(self.refill)
        wanted = target(self.pool.arrivals.rate(self.now), self.pool.refill, self.least, self.most)
        there = len(self.ready) + len(self.starting)
        if self.pool.may_shrink(there - wanted, self.idle_seconds, self.now):
            self.pool.shrunk(self.now)
            (self.ready or self.starting).pop(0)
        for _ in range(max(wanted - there, 0)):
            heapq.heappush(self.starting, self.now + self.refill)
        self.most_seen = max(self.most_seen, len(self.ready) + len(self.starting))

    def task(self) -> None:
        self.pool.arrivals.note(self.now)
        if self.ready:
            self.ready.pop(0)
            self.hits += 1
        else:
            self.misses += 1
        self.look()


@pytest.mark.parametrize(("refill", "expected"), [(1.5, 0.98), (3.0, 0.95)])
def test_tasks_that_come_at_random_find_one(refill: float, expected: float) -> None:
    """As the benchmark `warm_hits` has it: one in two seconds, with at least 2 and at most 6 pods."""
    hits = tasks = 0
    for seed in range(10):
        draw, world = random.Random(seed), World(refill=refill)
        world.pass_until(30)
        while world.now < 30 + 600:
            world.pass_until(world.now + draw.expovariate(0.5))
            world.task()
        hits, tasks = hits + world.hits, tasks + world.hits + world.misses
        assert world.most_seen <= 6
    assert hits / tasks >= expected


def test_after_a_burst_it_is_as_small_as_before() -> None:
    world = World(most=20)
    world.pass_until(30)
    for _ in range(200):
        world.pass_until(world.now + 0.2)
        world.task()
    assert len(world.ready) + len(world.starting) > 10
    world.pass_until(world.now + 900)
    assert len(world.ready) + len(world.starting) == 2
