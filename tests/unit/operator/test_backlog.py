"""Which waiting tasks start: order and limits."""

from __future__ import annotations

from collections.abc import Callable

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


RATES: dict[str, tuple[int, float]] = {"a": (2, 3.0), "b": (1, 0.5)}
WEIGHTS = {"a": 1, "b": 2, "c": 5}
MOST_STARTING = 4


class Admissions(RuleBasedStateMachine):
    """Whatever happens in whatever order, also when limits change: what is admitted is judged one by one, by what the test
    itself knows of the places, the starts and what waits."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog: Backlog[int, str] = Backlog(starting_limit=MOST_STARTING)
        self.now = 0.0
        self.limits: dict[str, int | None] = dict.fromkeys("abc")
        self.suspended: set[str] = set()
        self.waiting: dict[int, tuple[str, Order]] = {}
        self.places: dict[int, str] = {}
        self.starting: dict[int, str] = {}
        self.starts: dict[str, list[float]] = {queue: [] for queue in "abc"}

    def share(self, queue: str) -> Share:
        limit, rate = self.limits[queue], RATES.get(queue)
        return Share(concurrency=limit, weight=WEIGHTS[queue], rate=rate, suspended=queue in self.suspended)

    def may_start(self, queue: str) -> bool:
        limit, (number, period) = self.limits[queue], RATES.get(queue, (1000, 1.0))
        return (
            queue not in self.suspended
            and (limit is None or list(self.places.values()).count(queue) < limit)
            and sum(self.now - period < start for start in self.starts[queue]) < number
        )

    def candidates(self) -> dict[str, int]:
        """The queues that may start one, with the first of what waits there."""
        first: dict[str, tuple[Order, int]] = {}
        for key, (queue, position) in self.waiting.items():
            first[queue] = min(first.get(queue, (position, key)), (position, key))
        return {queue: key for queue, (_, key) in first.items() if self.may_start(queue)}

    @rule(key=st.integers(0, 12), queue=st.sampled_from("abc"), priority=st.integers(-3, 3))
    def offer(self, key: int, queue: str, priority: int) -> None:
        position = order(priority, key, str(key))
        self.backlog.offer(key, queue, position)
        if key not in self.places:
            self.waiting[key] = (queue, position)

    @rule(key=st.integers(0, 12), queue=st.sampled_from("abc"))
    def occupy(self, key: int, queue: str) -> None:
        """Also what was never admitted, as a new operator finds it."""
        self.backlog.occupy(key, self.places.setdefault(key, queue))
        self.waiting.pop(key, None)
        self.starting.pop(key, None)

    @rule(key=st.integers(0, 12))
    def release(self, key: int) -> None:
        assert self.backlog.release(key) is (self.places.pop(key, None) is not None)
        self.waiting.pop(key, None)
        self.starting.pop(key, None)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(queue=st.sampled_from("abc"), limit=st.none() | st.integers(1, 3))
    def change_the_limit(self, queue: str, limit: int | None) -> None:
        self.limits[queue] = limit

    @rule(queue=st.sampled_from("abc"))
    def suspend_or_resume(self, queue: str) -> None:
        self.suspended ^= {queue}

    @rule()
    def admit(self) -> None:
        for key in self.backlog.admit(self.share, self.now):
            assert len(self.starting) < MOST_STARTING
            (queue, _), candidates = self.waiting[key], self.candidates()
            assert candidates.get(queue) == key, "it is the first of a queue that may start one"
            on_the_way = {q: list(self.starting.values()).count(q) / WEIGHTS[q] for q in candidates}
            assert on_the_way[queue] == min(on_the_way.values()), "its queue has the least for its weight"
            del self.waiting[key]
            self.places[key] = self.starting[key] = queue
            self.starts[queue].append(self.now)
        assert len(self.starting) == MOST_STARTING or not self.candidates(), "nothing is held that may start"

    @rule()
    def what_is_held_by_the_rate_alone_is_told_when_it_may_start(self) -> None:
        for key, seconds in self.backlog.held_by_rate(self.share, self.now):
            queue, _ = self.waiting[key]
            assert not self.may_start(queue)
            now, self.now = self.now, self.now + seconds + 1e-9
            assert self.candidates().get(queue) == key
            self.now = now

    @invariant()
    def places_agree(self) -> None:
        assert all(self.backlog.has_place(key) for key in self.places)
        assert self.backlog.waiting() == len(self.waiting)


TestAdmissions = Admissions.TestCase


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


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(-5, 5)), min_size=2, max_size=40),
    st.integers(1, 10),
    st.integers(1, 3),
)
def test_nothing_is_overtaken_by_what_came_much_later(tasks: list[tuple[int, int]], ageing: int, a_second: int) -> None:
    """Of a higher priority by d, only what was enqueued less than d × ageing seconds after it goes first."""
    backlog: Backlog[int, str] = Backlog(starting_limit=a_second)
    started: list[int] = []
    for second in range(31 + len(tasks)):
        for number, (enqueued, priority) in enumerate(tasks):
            if enqueued == second:
                backlog.offer(number, "q", order(priority, -enqueued, f"{number:03}", ageing))
        for number in backlog.admit(any_number):
            backlog.release(number)
            for waiting, (enqueued, priority) in enumerate(tasks):
                if enqueued <= second and waiting not in started and waiting != number:
                    came, its_priority = tasks[number]
                    assert came - enqueued <= max(its_priority - priority, 0) * ageing
            started.append(number)
    assert sorted(started) == list(range(len(tasks)))


@given(
    st.lists(st.integers(1, 8), min_size=2, max_size=4),
    st.integers(1, 32),
    st.lists(st.sets(st.integers(0, 31)), max_size=20),
)
def test_queues_share_by_weight_for_as_long_as_they_have_something_to_start(
    weights: list[int], limit: int, reached: list[set[int]]
) -> None:
    """Whichever reach their pods, and however many at once: no queue has more than one task over its part."""
    backlog: Backlog[tuple[int, int], int] = Backlog(starting_limit=limit)
    made, on_the_way = 0, list[tuple[int, int]]()

    for places in (set[int](), *reached):
        gone = [key for place, key in enumerate(on_the_way) if place in places]
        for key in gone:
            backlog.occupy(key, key[0])
            on_the_way.remove(key)
        for queue in range(len(weights)):
            for _ in range(limit):
                made += 1
                # Priorities and ages are all on the side of the first queue.
                backlog.offer((queue, made), queue, order(-50 * queue, -made, f"{made:06}"))
        on_the_way += backlog.admit(lambda queue: Share(weight=weights[queue]))
        assert len(on_the_way) == limit
        counts = [sum(key[0] == queue for key in on_the_way) for queue in range(len(weights))]
        most = max((count - 1) / weight for count, weight in zip(counts, weights, strict=True))
        assert most <= min(count / weight for count, weight in zip(counts, weights, strict=True))


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
