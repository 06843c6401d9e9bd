"""Which waiting tasks start: order and limits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_operator.scheduling.scheduler import UNLIMITED, QueueQuota, Scheduler
from tests.unit.operator.scheduling.keys import any_number, key_of


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


@pytest.mark.parametrize(
    ("quota", "free"),
    [
        (QueueQuota(), float("inf")),
        (QueueQuota(concurrency=3), 2),
        (QueueQuota(concurrency=1), 0),
        (QueueQuota(concurrency=0), 0),
        (QueueQuota(suspended=True), 0),
        (QueueQuota(concurrency=3, rate=(2, 60.0)), 2),
        (QueueQuota(concurrency=3, rate=(1, 60.0)), 0),
    ],
)
def test_free_slots_are_what_the_quota_would_let_start(quota: QueueQuota, free: float) -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=100)
    scheduler.enqueue("a", "reports", key_of(0, 1, "a"))
    assert scheduler.admit(lambda _: QueueQuota(rate=(9, 60.0)), now=100.0) == ["a"]
    assert scheduler.free_slots("reports", quota, now=110.0) == free
    assert scheduler.free_slots("mail", QueueQuota(concurrency=2), now=110.0) == 2


def test_nothing_is_kept_of_a_queue_whose_tasks_are_gone() -> None:
    """Namespaces come and go, for as long as this process leads."""
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=100)
    for number in range(3):
        scheduler.enqueue(name := f"a{number}", f"pr-{number}", key_of(0, 0, name))
        assert scheduler.admit(lambda _: QueueQuota(concurrency=1)) == [name]
        scheduler.mark_admitted(name, f"pr-{number}")
        assert scheduler.forget(name)
        assert scheduler.admit(lambda _: QueueQuota(concurrency=1)) == []
    kept = {name: len(value) for name, value in vars(scheduler).items() if hasattr(value, "__len__")}
    assert set(kept.values()) == {0}, kept


def test_starts_and_failures_of_queues_that_are_gone_are_forgotten() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=100)

    def sizes() -> set[int]:
        return {len(value) for value in vars(scheduler).values() if hasattr(value, "__len__")}

    for day in range(9):
        for number in range(3):
            name, queue, now = f"a{number}", f"pr-{day}-{number}", day * 90_000.0
            scheduler.enqueue(name, queue, key_of(0, 0, name))
            assert scheduler.admit(lambda _: QueueQuota(rate=(9, 60.0)), now) == [name]
            if number:
                scheduler.refuse(name, queue, key_of(0, 0, name), now)
            scheduler.forget(name)
            assert scheduler.admit(lambda _: QueueQuota(), now) == []
    assert max(sizes()) <= 3
    scheduler.note_start("pr-last", 900_000.0)
    assert max(sizes()) == 1


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


def test_a_suspended_queue_starts_nothing() -> None:
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=9)
    scheduler.enqueue("a", "q", key_of(0, 1, "a"))
    assert scheduler.admit(lambda _: QueueQuota(suspended=True)) == []
    scheduler.limits_changed("q")
    assert scheduler.admit(any_number) == ["a"]


def test_queues_that_can_start_nothing_take_no_time_from_others() -> None:
    """A tenant may hold a thousand queues, and each step of each task of all tenants asks what may start."""
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=9)
    asked: list[str] = []

    def quota_of(queue: str) -> QueueQuota:
        asked.append(queue)
        limited = QueueQuota(concurrency=1, rate=(1, 60.0))
        return {"live": UNLIMITED, "rate": limited}.get(queue, QueueQuota(suspended=True))

    for queue in ("rate", *map(str, range(100))):
        for name in (f"{queue}-1", f"{queue}-2"):
            scheduler.enqueue(name, queue, key_of(0, 1, name))
    assert scheduler.admit(quota_of) == ["rate-1"]
    scheduler.mark_admitted("rate-1", "rate")
    scheduler.forget("rate-1")
    assert scheduler.admit(quota_of, 1.0) == []
    assert scheduler.delayed(quota_of, 1.0) == [("rate-2", 59.0)]
    asked.clear()
    for now in range(2, 10):
        scheduler.enqueue(name := f"live-{now}", "live", key_of(0, 1, name))
        assert scheduler.admit(quota_of, now) == [name]
        scheduler.mark_admitted(name, "live")
        assert not scheduler.admit(quota_of, now)
        assert not scheduler.delayed(quota_of, now)
    assert set(asked) == {"live"}
    assert scheduler.admit(quota_of, 60.0) == ["rate-2"], "who only had to wait goes on by the time alone"


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
    reported = 0.0
    for passed, offered in steps:
        now += passed
        for _ in range(offered):
            scheduler.enqueue(made, "q", key_of(0, -made, f"{made:04}"))
            made += 1
        for key in scheduler.admit(lambda _: share, now):
            starts.append(now)
            scheduler.mark_admitted(key, "q")
        for _, wait in scheduler.delayed(lambda _: share, now):
            reported = now + wait
        if scheduler.waiting():
            assert reported == pytest.approx(sorted(starts)[-number] + period)
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
