"""How many finished tasks a queue keeps, and which."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_operator.cache import history
from djangotasks_operator.cache.history import History
from tests.support.builders import at

CASES: list[tuple[str, Sequence[int], int, set[int]]] = [
    ("none", [], 2, set()),
    ("as many as may be", [1, 2], 2, set()),
    ("the oldest go", [1, 2, 3, 4, 5], 2, {1, 2, 3}),
    ("in whichever order they finish", [5, 1, 4, 2, 3], 2, {1, 2, 3}),
    ("one that is added late goes itself", [4, 5, 1], 2, {1}),
    ("a limit of 0 keeps none", [1, 2], 0, {1, 2}),
]


@pytest.mark.parametrize(("finished", "limit", "gone"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_which_go(finished: Sequence[int], limit: int, gone: set[int]) -> None:
    kept = History[int](limit)
    reported = [key for number in finished for key in kept.add(number, at(number))]
    assert sorted(reported) == sorted(gone)
    assert {number for number in finished if kept.is_surplus(number)} == gone


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "add", "add", "remove", "limit"]), st.integers(0, 9), st.integers(0, 5)),
    max_size=60,
)


def surplus(finished: dict[int, datetime], limit: int) -> set[int]:
    """The rule, written down plainly."""
    oldest = sorted(finished, key=lambda key: (finished[key], key))
    return set(oldest[: max(len(oldest) - limit, 0)])


@given(STEPS)
def test_kept_tasks_are_later_than_surplus_ones(steps: list[Step]) -> None:
    """After any steps, surplus tasks being deleted as they are reported."""
    limit, kept, finished = 3, History[int](3), dict[int, datetime]()
    for step, key, number in steps:
        if step == "limit":
            limit, reported = number, kept.limit_to(number)
        elif step == "remove":
            finished.pop(key, None)
            kept.remove(key)
            reported = []
        else:
            kept.remove(key)
            finished[key] = at(number)
            reported = kept.add(key, at(number))
        assert set(reported) == surplus(finished, limit)
        for gone in reported:
            assert kept.is_surplus(gone)
            kept.remove(gone)
            del finished[gone]
        assert len(kept) == len(finished) <= limit or step == "remove"


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(0, 4), st.integers(0, 12))
def test_a_higher_limit_takes_back_what_is_not_deleted_yet(ages: list[int], low: int, high: int) -> None:
    kept = History[int](low)
    for key, age in enumerate(ages):
        kept.add(key, at(age))
    kept.limit_to(high)
    finished = {key: at(age) for key, age in enumerate(ages)}
    assert {key for key in finished if kept.is_surplus(key)} == surplus(finished, high)


def test_nothing_is_remembered_of_those_that_expire_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is kept for years does not hold the memory of all that came after it."""
    monkeypatch.setattr(history, "STALE_MAX", 4)
    kept = History[int](10_000)
    kept.add(-1, at(-1))
    for number in range(200):
        kept.add(number, at(number))
        kept.remove(number)
    assert len(kept) == 1
    assert len(kept._oldest) < 10
