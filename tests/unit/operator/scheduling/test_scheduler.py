"""Which waiting tasks start: order and limits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from djangotasks_operator.scheduling.line import SortKey, sort_key
from djangotasks_operator.scheduling.scheduler import RESERVE, UNLIMITED, QueueQuota, Scheduler
from tests.support.builders import at


def key_of(priority: int, age: float, name: str, ageing: float = 0) -> SortKey:
    return sort_key(priority, at(-age), name, ageing)


def any_number(_: object) -> QueueQuota:
    return UNLIMITED


def narrow(**limits: int | None) -> Callable[[str], QueueQuota]:
    return lambda queue: QueueQuota(concurrency=limits.get(queue))


def test_the_highest_priority_first_then_the_oldest() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=100)
    for name, priority, age in [("young", 0, 1), ("old", 0, 9), ("urgent", 50, 0), ("idle", -10, 99)]:
        scheduler.enqueue(name, "default", key_of(priority, age, name))
    assert scheduler.admit(any_number) == ["urgent", "old", "young", "idle"]


def test_priority_counts_across_queues() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=2)
    scheduler.enqueue("a", "slow", key_of(1, 5, "a"))
    scheduler.enqueue("b", "fast", key_of(2, 1, "b"))
    scheduler.enqueue("c", "slow", key_of(3, 1, "c"))
    assert scheduler.admit(any_number) == ["c", "b"]


def test_a_full_queue_does_not_hold_up_another() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=100)
    for name in "abc":
        scheduler.enqueue(name, "narrow", key_of(9, 1, name))
    scheduler.enqueue("x", "wide", key_of(0, 1, "x"))
    assert scheduler.admit(narrow(narrow=1)) == ["a", "x"]
    assert scheduler.admit(narrow(narrow=1)) == []
    assert scheduler.forget("a")
    assert scheduler.admit(narrow(narrow=1)) == ["b"]


def test_a_task_in_progress_counts_even_over_the_limit() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=100)
    scheduler.mark_admitted("a", "q")
    scheduler.mark_admitted("b", "q")
    scheduler.enqueue("c", "q", key_of(0, 1, "c"))
    assert scheduler.admit(lambda _: QueueQuota(concurrency=2)) == []
    scheduler.forget("a")
    assert scheduler.admit(lambda _: QueueQuota(concurrency=2)) == ["c"]


def test_few_are_on_their_way_at_once() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=1)
    scheduler.enqueue("a", "q", key_of(0, 2, "a"))
    scheduler.enqueue("b", "q", key_of(0, 1, "b"))
    assert scheduler.admit(any_number) == ["a"]
    scheduler.enqueue("urgent", "q", key_of(9, 0, "urgent"))
    assert scheduler.admit(any_number) == []
    scheduler.mark_admitted("a", "q")
    assert scheduler.admit(any_number) == ["urgent"]


def test_a_forgotten_task_is_not_admitted() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=9)
    scheduler.enqueue("a", "q", key_of(0, 1, "a"))
    assert not scheduler.forget("a")
    assert scheduler.admit(any_number) == []
    scheduler.enqueue("a", "q", key_of(0, 1, "a"))
    assert scheduler.admit(any_number) == ["a"]


@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(0, 1000)), max_size=60), st.integers(1, 10))
def test_everything_is_admitted_once_and_in_order(tasks: list[tuple[int, int]], limit: int) -> None:
    scheduler: Scheduler[int, str] = Scheduler(starting_limit=limit)
    orders = {n: key_of(priority, age, f"{n:03}") for n, (priority, age) in enumerate(tasks)}
    for number, position in orders.items():
        scheduler.enqueue(number, "q", position)
    seen: list[int] = []
    while admitted := scheduler.admit(any_number):
        assert len(admitted) <= limit
        seen += admitted
        for number in admitted:
            scheduler.mark_admitted(number, "q")
    assert seen == sorted(orders, key=orders.__getitem__)


RATES: dict[str, tuple[int, float]] = {"a": (2, 3.0), "b": (1, 0.5)}
WEIGHTS = {"a": 1, "b": 2, "c": 5}
MOST_STARTING = 4


class Admissions(RuleBasedStateMachine):
    """Whatever happens in whatever order, also when limits change: what is admitted is judged one by one, by what the test
    itself knows of the places, the starts and what waits."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler: Scheduler[int, str] = Scheduler(starting_limit=MOST_STARTING)
        self.now = 0.0
        self.limits: dict[str, int | None] = dict.fromkeys("abc")
        self.suspended: set[str] = set()
        self.waiting: dict[int, tuple[str, SortKey]] = {}
        self.places: dict[int, str] = {}
        self.starting: dict[int, str] = {}
        self.starts: dict[str, list[float]] = {queue: [] for queue in "abc"}

    def share(self, queue: str) -> QueueQuota:
        limit, rate = self.limits[queue], RATES.get(queue)
        return QueueQuota(concurrency=limit, weight=WEIGHTS[queue], rate=rate, suspended=queue in self.suspended)

    def may_start(self, queue: str) -> bool:
        limit, (number, period) = self.limits[queue], RATES.get(queue, (1000, 1.0))
        return (
            queue not in self.suspended
            and (limit is None or list(self.places.values()).count(queue) < limit)
            and sum(self.now - period < start for start in self.starts[queue]) < number
        )

    def candidates(self) -> dict[str, int]:
        """The queues that may start one, with the first of what waits there."""
        first: dict[str, tuple[SortKey, int]] = {}
        for key, (queue, position) in self.waiting.items():
            first[queue] = min(first.get(queue, (position, key)), (position, key))
        return {queue: key for queue, (_, key) in first.items() if self.may_start(queue)}

    @rule(key=st.integers(0, 12), queue=st.sampled_from("abc"), priority=st.integers(-3, 3))
    def enqueue(self, key: int, queue: str, priority: int) -> None:
        position = key_of(priority, key, str(key))
        self.scheduler.enqueue(key, queue, position)
        if key not in self.places:
            self.waiting[key] = (queue, position)

    @rule(key=st.integers(0, 12), queue=st.sampled_from("abc"))
    def mark_admitted(self, key: int, queue: str) -> None:
        """Also what was never admitted, as a new operator finds it."""
        self.scheduler.mark_admitted(key, self.places.setdefault(key, queue))
        self.waiting.pop(key, None)
        self.starting.pop(key, None)

    @rule(key=st.integers(0, 12))
    def release(self, key: int) -> None:
        assert self.scheduler.forget(key) is (self.places.pop(key, None) is not None)
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
        for key in self.scheduler.admit(self.share, self.now):
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
    def a_key_held_by_the_rate_alone_has_the_time_when_it_may_start(self) -> None:
        for key, seconds in self.scheduler.delayed(self.share, self.now):
            queue, _ = self.waiting[key]
            assert not self.may_start(queue)
            now, self.now = self.now, self.now + seconds + 1e-9
            assert self.candidates().get(queue) == key
            self.now = now

    @invariant()
    def places_agree(self) -> None:
        assert all(self.scheduler.is_admitted(key) for key in self.places)
        assert self.scheduler.waiting() == len(self.waiting)


TestAdmissions = Admissions.TestCase


def test_a_suspended_queue_starts_nothing() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=9)
    scheduler.enqueue("a", "q", key_of(0, 1, "a"))
    assert scheduler.admit(lambda _: QueueQuota(suspended=True)) == []
    assert scheduler.admit(any_number) == ["a"]


@pytest.mark.parametrize(
    ("ageing", "expected"),
    [(0, ["urgent", "young", "old"]), (600, ["urgent", "young", "old"]), (60, ["urgent", "old", "young"]), (1, ["old", "young", "urgent"])],
)  # fmt: skip
def test_waiting_is_worth_priority(ageing: float, expected: list[str]) -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=9)
    for name, priority, age in (("old", 0, 3600), ("young", 10, 100), ("urgent", 100, 0)):
        scheduler.enqueue(name, "q", key_of(priority, age, name, ageing))
    assert scheduler.admit(any_number) == expected


@given(st.integers(1, 100), st.integers(1, 30))
def test_a_low_priority_is_not_starved(difference: int, ageing: int) -> None:
    """However many of a higher priority keep coming, one a second, it starts after difference × ageing seconds."""
    scheduler: Scheduler[int, str] = Scheduler(starting_limit=1)
    scheduler.enqueue(-1, "q", key_of(-difference, 0, "low", ageing))
    for second in range(difference * ageing + 2):
        scheduler.enqueue(second, "q", key_of(0, -second, f"{second:06}", ageing))
        (started,) = scheduler.admit(any_number)
        scheduler.forget(started)
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
    scheduler: Scheduler[int, str] = Scheduler(starting_limit=a_second)
    started: list[int] = []
    for second in range(31 + len(tasks)):
        for number, (enqueued, priority) in enumerate(tasks):
            if enqueued == second:
                scheduler.enqueue(number, "q", key_of(priority, -enqueued, f"{number:03}", ageing))
        for number in scheduler.admit(any_number):
            scheduler.forget(number)
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
    scheduler: Scheduler[tuple[int, int], int] = Scheduler(starting_limit=limit)
    made, on_the_way = 0, list[tuple[int, int]]()

    for places in (set[int](), *reached):
        gone = [key for place, key in enumerate(on_the_way) if place in places]
        for key in gone:
            scheduler.mark_admitted(key, key[0])
            on_the_way.remove(key)
        for queue in range(len(weights)):
            for _ in range(limit):
                made += 1
                # Priorities and ages are all on the side of the first queue.
                scheduler.enqueue((queue, made), queue, key_of(-50 * queue, -made, f"{made:06}"))
        on_the_way += scheduler.admit(lambda queue: QueueQuota(weight=weights[queue]))
        assert len(on_the_way) == min(limit, len(weights) * most_of_a_queue(limit))
        counts = [sum(key[0] == queue for key in on_the_way) for queue in range(len(weights))]
        most = max((count - 1) / weight for count, weight in zip(counts, weights, strict=True))
        if max(counts) == most_of_a_queue(limit):
            continue  # its bound, whatever its weight
        assert most <= min(count / weight for count, weight in zip(counts, weights, strict=True))


def most_of_a_queue(limit: int) -> int:
    return max(limit - max(limit // RESERVE, 1), 1)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(4, 32))
def test_queues_share_by_weight(one: int, other: int, limit: int) -> None:
    """Whatever their priorities, each has its part of what is on the way, to within a task."""
    scheduler: Scheduler[tuple[str, int], str] = Scheduler(starting_limit=limit)
    for number in range(limit):
        scheduler.enqueue(("a", number), "a", key_of(100, 0, f"{number:03}"))
        scheduler.enqueue(("b", number), "b", key_of(-100, 0, f"{number:03}"))
    weights = {"a": one, "b": other}
    admitted = scheduler.admit(lambda queue: QueueQuota(weight=weights[queue]))
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
    scheduler: Scheduler[int, str] = Scheduler(starting_limit=1000)
    share, now, made = QueueQuota(rate=(number, period)), 100.0, 0
    starts: list[float] = []
    for passed, offered in steps:
        now += passed
        for _ in range(offered):
            scheduler.enqueue(made, "q", key_of(0, -made, f"{made:04}"))
            made += 1
        for key in scheduler.admit(lambda _: share, now):
            starts.append(now)
            scheduler.mark_admitted(key, "q")
        held = scheduler.delayed(lambda _: share, now)
        assert bool(held) is bool(scheduler.waiting())
        if held:
            (_, wait), recent = held[0], sorted(starts)[-number:]
            assert wait == pytest.approx(recent[0] + period - now)
    for start in starts:
        assert sum(start - period < other <= start for other in starts) <= number


def test_starts_of_an_earlier_operator_count_for_the_rate() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=9)
    for at_ in (0.0, 7.0):
        scheduler.note_start("q", at_)
    share = QueueQuota(rate=(2, 10))
    scheduler.enqueue("a", "q", key_of(0, 0, "a"))
    assert (scheduler.admit(lambda _: share, 9.0), scheduler.delayed(lambda _: share, 9.0)) == (
        [],
        [("a", 1.0)],
    )
    assert scheduler.admit(lambda _: share, 10.0) == ["a"]


def test_a_place_is_left_for_another_queue() -> None:
    """However many tasks of one queue wait, and however long their starts take."""
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=32)
    for number in range(100):
        scheduler.enqueue(f"slow-{number}", "slow", key_of(100, 0, f"{number:03}"))
    assert len(scheduler.admit(lambda _: QueueQuota())) == 28
    scheduler.enqueue("well", "well", key_of(0, 0, "well"))
    assert scheduler.admit(lambda _: QueueQuota()) == ["well"]
