"""Which waiting tasks start: order and limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from djangotasks_operator.backlog import UNLIMITED, Backlog, Order, Share
from djangotasks_operator.backlog import order as make_order
from tests.support.builders import at


def order(priority: int, age: float, name: str, ageing: float = 0) -> Order:
    return make_order(priority, at(-age), name, ageing)


def any_number(_: object) -> Share:
    return UNLIMITED


def narrow(**limits: int | None) -> Callable[[str], Share]:
    return lambda queue: Share(concurrency=limits.get(queue))


def test_the_highest_priority_first_then_the_oldest() -> None:
    backlog: Backlog[str, str] = Backlog(starting_limit=100)
    for name, priority, age in [("young", 0, 1), ("old", 0, 9), ("urgent", 50, 0), ("idle", -10, 99)]:
        backlog.offer(name, "default", order(priority, age, name))
    assert backlog.admit(any_number) == ["urgent", "old", "young", "idle"]


def test_priority_counts_across_queues() -> None:
    backlog: Backlog[str, str] = Backlog(starting_limit=2)
    backlog.offer("a", "slow", order(1, 5, "a"))
    backlog.offer("b", "fast", order(2, 1, "b"))
    backlog.offer("c", "slow", order(3, 1, "c"))
    assert backlog.admit(any_number) == ["c", "b"]


def test_a_full_queue_does_not_hold_up_another() -> None:
    backlog: Backlog[str, str] = Backlog(starting_limit=100)
    for name in "abc":
        backlog.offer(name, "narrow", order(9, 1, name))
    backlog.offer("x", "wide", order(0, 1, "x"))
    assert backlog.admit(narrow(narrow=1)) == ["a", "x"]
    assert backlog.admit(narrow(narrow=1)) == []
    assert backlog.release("a")
    assert backlog.admit(narrow(narrow=1)) == ["b"]


def test_what_is_found_in_progress_counts_even_over_the_limit() -> None:
    backlog: Backlog[str, str] = Backlog(starting_limit=100)
    backlog.occupy("a", "q")
    backlog.occupy("b", "q")
    backlog.offer("c", "q", order(0, 1, "c"))
    assert backlog.admit(lambda _: Share(concurrency=2)) == []
    backlog.release("a")
    assert backlog.admit(lambda _: Share(concurrency=2)) == ["c"]


def test_few_are_on_their_way_at_once() -> None:
    backlog: Backlog[str, str] = Backlog(starting_limit=1)
    backlog.offer("a", "q", order(0, 2, "a"))
    backlog.offer("b", "q", order(0, 1, "b"))
    assert backlog.admit(any_number) == ["a"]
    backlog.offer("urgent", "q", order(9, 0, "urgent"))
    assert backlog.admit(any_number) == []
    backlog.occupy("a", "q")
    assert backlog.admit(any_number) == ["urgent"]


def test_what_is_withdrawn_is_not_admitted() -> None:
    backlog: Backlog[str, str] = Backlog(starting_limit=9)
    backlog.offer("a", "q", order(0, 1, "a"))
    assert not backlog.release("a")
    assert backlog.admit(any_number) == []
    backlog.offer("a", "q", order(0, 1, "a"))
    assert backlog.admit(any_number) == ["a"]


@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(0, 1000)), max_size=60), st.integers(1, 10))
def test_everything_is_admitted_once_and_in_order(tasks: list[tuple[int, int]], limit: int) -> None:
    backlog: Backlog[int, str] = Backlog(starting_limit=limit)
    orders = {n: order(priority, age, f"{n:03}") for n, (priority, age) in enumerate(tasks)}
    for number, position in orders.items():
        backlog.offer(number, "q", position)
    seen: list[int] = []
    while admitted := backlog.admit(any_number):
        assert len(admitted) <= limit
        seen += admitted
        for number in admitted:
            backlog.occupy(number, "q")
    assert seen == sorted(orders, key=orders.__getitem__)


class Limits(RuleBasedStateMachine):
    """Whatever happens in whatever order, no limit is passed by what was admitted."""

    LIMITS: ClassVar[dict[str, int]] = {"a": 1, "b": 3}

    def __init__(self) -> None:
        super().__init__()
        self.backlog: Backlog[int, str] = Backlog(starting_limit=4)
        self.places: dict[int, str] = {}
        self.found: set[int] = set()

    @rule(key=st.integers(0, 12), queue=st.sampled_from("abc"), priority=st.integers(-3, 3))
    def offer(self, key: int, queue: str, priority: int) -> None:
        if key not in self.places:
            self.backlog.offer(key, queue, order(priority, key, str(key)))

    @rule(key=st.integers(0, 12), queue=st.sampled_from("abc"))
    def occupy(self, key: int, queue: str) -> None:
        if key not in self.places:
            self.found.add(key)
        self.backlog.occupy(key, self.places.setdefault(key, queue))

    @rule(key=st.integers(0, 12))
    def release(self, key: int) -> None:
        assert self.backlog.release(key) is (self.places.pop(key, None) is not None)
        self.found.discard(key)

    @rule()
    def admit(self) -> None:
        before = dict(self.places)
        for key in self.backlog.admit(narrow(**self.LIMITS)):
            assert key not in before
            # A task keeps the queue of its last offer.
            queue = self.backlog._places[key]
            self.places[key] = queue
            limit = self.LIMITS.get(queue)
            assert limit is None or list(self.places.values()).count(queue) <= limit

    @invariant()
    def places_agree(self) -> None:
        assert all(self.backlog.has_place(key) for key in self.places)


TestLimits = Limits.TestCase


def test_a_suspended_queue_starts_nothing() -> None:
    backlog: Backlog[str, str] = Backlog(starting_limit=9)
    backlog.offer("a", "q", order(0, 1, "a"))
    assert backlog.admit(lambda _: Share(suspended=True)) == []
    assert backlog.admit(any_number) == ["a"]


@pytest.mark.parametrize(
    ("ageing", "expected"),
    [(0, ["urgent", "young", "old"]), (600, ["urgent", "young", "old"]), (60, ["urgent", "old", "young"]), (1, ["old", "young", "urgent"])],
)  # fmt: skip
def test_waiting_is_worth_priority(ageing: float, expected: list[str]) -> None:
    backlog: Backlog[str, str] = Backlog(starting_limit=9)
    for name, priority, age in (("old", 0, 3600), ("young", 10, 100), ("urgent", 100, 0)):
        backlog.offer(name, "q", order(priority, age, name, ageing))
    assert backlog.admit(any_number) == expected


@given(st.integers(1, 100), st.integers(1, 30))
def test_a_low_priority_is_not_starved(difference: int, ageing: int) -> None:
    """However many of a higher priority keep coming, one a second, it starts after difference × ageing seconds."""
    backlog: Backlog[int, str] = Backlog(starting_limit=1)
    backlog.offer(-1, "q", order(-difference, 0, "low", ageing))
    for second in range(difference * ageing + 2):
        backlog.offer(second, "q", order(0, -second, f"{second:06}", ageing))
        (started,) = backlog.admit(any_number)
        backlog.release(started)
        if started == -1:
            break
    assert second - 1 <= difference * ageing <= second + 1


@given(st.integers(1, 8), st.integers(1, 8), st.integers(4, 32))
def test_queues_share_by_weight(one: int, other: int, limit: int) -> None:
    """Whatever their priorities, each has its part of what is on the way, to within a task."""
    backlog: Backlog[tuple[str, int], str] = Backlog(starting_limit=limit)
    for number in range(limit):
        backlog.offer(("a", number), "a", order(100, 0, f"{number:03}"))
        backlog.offer(("b", number), "b", order(-100, 0, f"{number:03}"))
    weights = {"a": one, "b": other}
    admitted = backlog.admit(lambda queue: Share(weight=weights[queue]))
    part = limit * one / (one + other)
    assert len(admitted) == limit
    assert abs(sum(queue == "a" for queue, _ in admitted) - part) <= 1


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 5)), min_size=1, max_size=60),
    st.integers(1, 6),
    st.floats(0.5, 5),
)
def test_never_beyond_the_rate_and_not_later_than_it_allows(
    steps: list[tuple[float, int]], number: int, period: float
) -> None:
    backlog: Backlog[int, str] = Backlog(starting_limit=1000)
    share, now, made = Share(rate=(number, period)), 100.0, 0
    starts: list[float] = []
    for passed, offered in steps:
        now += passed
        for _ in range(offered):
            backlog.offer(made, "q", order(0, -made, f"{made:04}"))
            made += 1
        for key in backlog.admit(lambda _: share, now):
            starts.append(now)
            backlog.occupy(key, "q")
        held = backlog.held_by_rate(lambda _: share, now)
        assert bool(held) is bool(backlog.waiting())
        if held:
            (_, wait), recent = held[0], sorted(starts)[-number:]
            assert wait == pytest.approx(recent[0] + period - now)
    for start in starts:
        assert sum(start - period < other <= start for other in starts) <= number


def test_starts_of_an_earlier_operator_count_for_the_rate() -> None:
    backlog: Backlog[str, str] = Backlog(starting_limit=9)
    for at_ in (0.0, 7.0):
        backlog.note_start("q", at_)
    share = Share(rate=(2, 10))
    backlog.offer("a", "q", order(0, 0, "a"))
    assert (backlog.admit(lambda _: share, 9.0), backlog.held_by_rate(lambda _: share, 9.0)) == ([], [("a", 1.0)])
    assert backlog.admit(lambda _: share, 10.0) == ["a"]
