"""Which index of a step is taken next."""

from __future__ import annotations

import pytest

from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.ready import Ready


def indexes(*numbers: int) -> Indexes:
    return Indexes(numbers)


def taken(ready: Ready, recorded: tuple[Indexes, ...] = (), active: set[int] | None = None) -> list[int]:
    found = []
    while (index := ready.take(recorded, active or set())) is not None:
        found.append(index)
    return found


@pytest.mark.parametrize(
    ("limit", "added", "recorded", "active", "expected"),
    [
        (0, [], [], set(), []),
        (3, [], [], set(), [0, 1, 2]),
        (5, [], [1, 2], {3}, [0, 4]),
        (0, [4, 1], [], set(), [1, 4]),
        (0, [4, 1], [1], set(), [4]),
        (2, [7], [], set(), [0, 1, 7]),
        (0, [2, 2], [], {2}, []),
    ],
    ids=["none", "all", "not what is over or runs", "added", "added and over", "both", "twice, and it runs"],
)
def test_the_lowest_that_can_run_are_taken(
    limit: int, added: list[int], recorded: list[int], active: set[int], expected: list[int]
) -> None:
    ready = Ready()
    ready.limit = limit
    for index in added:
        ready.add(index)
    assert taken(ready, (indexes(*recorded),), active) == expected


def test_an_index_that_was_added_again_is_taken_again() -> None:
    ready = Ready()
    ready.limit = 2
    assert taken(ready) == [0, 1]
    ready.add(0)
    assert taken(ready) == [0]


def test_a_long_range_that_is_over_costs_one_step() -> None:
    ready, over = Ready(), Indexes.parse("0-99998")
    ready.limit = 100_000
    assert taken(ready, (over,)) == [99_999]
