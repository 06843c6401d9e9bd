"""Each queue has its part of the tasks that are on their way to a pod, and always room for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_operator.scheduling.scheduler import RESERVE, QueueQuota, Scheduler
from tests.unit.operator.scheduling.keys import key_of


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


def test_a_place_is_left_for_another_queue() -> None:
    """However many tasks of one queue wait, and however long their starts take."""
    scheduler: Scheduler[str, str] = Scheduler(starting_limit=32)
    for number in range(100):
        scheduler.enqueue(f"slow-{number}", "slow", key_of(100, 0, f"{number:03}"))
    assert len(scheduler.admit(lambda _: QueueQuota())) == 28
    scheduler.enqueue("well", "well", key_of(0, 0, "well"))
    assert scheduler.admit(lambda _: QueueQuota()) == ["well"]


@pytest.mark.parametrize(("queues", "weight"), [(200, 1), (1, 1000), (200, 1000)])
def test_a_group_gets_no_more_by_many_queues_or_a_high_weight(queues: int, weight: int) -> None:
    scheduler: Scheduler[tuple[str, int, int], tuple[str, int]] = Scheduler(32, lambda queue: queue[0])
    for queue in range(queues):
        for number in range(40):
            scheduler.enqueue(("greedy", queue, number), ("greedy", queue), key_of(100, 0, f"{number:03}"))
    for number in range(40):
        scheduler.enqueue(("shop", 0, number), ("shop", 0), key_of(0, 0, f"{number:03}"))
    admitted = scheduler.admit(lambda queue: QueueQuota(weight=weight if queue[0] == "greedy" else 1))
    assert sum(key[0] == "shop" for key in admitted) == len(admitted) / 2 == 16


def test_a_group_whose_starts_hang_leaves_room_for_another() -> None:
    scheduler: Scheduler[tuple[str, int, int], tuple[str, int]] = Scheduler(32, lambda queue: queue[0])
    for queue in range(5):
        for number in range(40):
            scheduler.enqueue(("hangs", queue, number), ("hangs", queue), key_of(0, 0, f"{number:03}"))
    assert len(scheduler.admit(lambda _: QueueQuota())) == 30
    scheduler.enqueue(("shop", 0, 0), ("shop", 0), key_of(0, 0, "0"))
    assert scheduler.admit(lambda _: QueueQuota()) == [("shop", 0, 0)]
