"""Whose turn it is: of namespaces in equal shares, and of their queues by weight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from djangotasks_operator.scheduling.heads import Heads
from djangotasks_operator.scheduling.line import SortKey, sort_key

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def position(number: int) -> SortKey:
    return sort_key(0, FIRST + timedelta(seconds=number), str(number))


def turns(heads: Heads[str, str], tasks: dict[str, list[int]], weights: dict[str, float]) -> list[str]:
    """The queues in the order in which they start their tasks, named by their place in time."""

    def put(queue: str) -> None:
        if tasks[queue]:
            number = tasks[queue].pop(0)
            heads.put(queue, weights.get(queue, 1), position(number), str(number))

    for queue in tasks:
        put(queue)
    order = []
    while (head := heads.pop()) is not None:
        order.append(head[1])
        put(head[1])
    return order


def test_the_oldest_starts_first() -> None:
    heads: Heads[str, str] = Heads(lambda queue: queue[0], 9, ())
    assert turns(heads, {"a1": [3], "b1": [1], "c1": [2]}, {}) == ["b1", "c1", "a1"]


def test_groups_have_equal_shares_whatever_their_queues_and_weights() -> None:
    heads: Heads[str, str] = Heads(lambda queue: queue[0], 9, ())
    order = turns(heads, {"a1": [1, 2], "a2": [3, 4], "b1": [5]}, {"a1": 1000})
    assert order == ["a1", "b1", "a2", "a1", "a2"]


def test_queues_of_a_group_have_shares_by_weight() -> None:
    heads: Heads[str, str] = Heads(lambda queue: queue[0], 9, ())
    assert turns(heads, {"a1": [1, 2, 3, 4], "a2": [5, 6]}, {"a1": 2}) == ["a1", "a2", "a1", "a1", "a2", "a1"]


def test_a_group_has_no_more_than_the_limit_on_their_way() -> None:
    heads: Heads[str, str] = Heads(lambda queue: queue[0], 2, ["a1"])
    assert (heads.starting["a1"], heads.has_room("a2")) == (1, True)
    assert turns(heads, {"a1": [1], "a2": [2, 3], "b1": [4, 5, 6]}, {}) == ["b1", "a2", "b1"]
    assert not heads.has_room("a1")
