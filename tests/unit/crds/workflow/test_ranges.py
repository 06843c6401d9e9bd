"""Sets of indexes, as an Indexed Job writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.workflow.ranges import Indexes

SETS = st.sets(st.integers(0, 30))


@given(SETS)
def test_a_set_survives_its_text(indexes: set[int]) -> None:
    found = Indexes(indexes)
    assert list(found) == sorted(indexes)
    assert len(found) == len(indexes)
    assert Indexes.parse(str(found)) == found


@given(st.permutations(range(12)))
def test_the_order_of_additions_leaves_no_trace(order: list[int]) -> None:
    assert str(Indexes(order)) == "0-11"


@given(SETS, st.integers(0, 32))
def test_gaps_are_found(indexes: set[int], width: int) -> None:
    found = Indexes(indexes)
    assert list(found.absent(width)) == [index for index in range(width) if index not in indexes]
    assert all((index in found) == (index in indexes) for index in range(width))


def test_an_index_is_added_once() -> None:
    indexes = Indexes()
    assert [indexes.add(index) for index in (3, 5, 4, 4, 3)] == [True, True, True, False, False]
    assert str(indexes) == "3-5"


def test_a_copy_is_independent() -> None:
    indexes = Indexes([1])
    indexes.copy().add(2)
    assert indexes == Indexes([1])


@pytest.mark.parametrize("text", ["", "0", "7", "0-3", "0,2", "0-811,813"])
def test_a_text_is_read(text: str) -> None:
    assert str(Indexes.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["-1", "1-", "01", "3-1", "2-2", "0,1", "0-3,4", "0-3,2", "1,1", " 1", "1 ", "1,", ",", "a", "٣"]
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Indexes.parse(text)


@pytest.mark.parametrize(
    ("these", "others", "left"),
    [("0-9", "", "0-9"), ("", "0-9", ""), ("0-9", "0-9", ""), ("0-9", "3-4,7", "0-2,5-6,8-9"), ("2,5-6", "0-5", "6")],
)
def test_those_that_are_not_in_another_set(these: str, others: str, left: str) -> None:
    found = Indexes.parse(these).without(Indexes.parse(others))
    assert (str(found), len(found)) == (left, len(list(found)))


@pytest.mark.parametrize(("width", "text"), [(0, ""), (1, "0"), (5, "0-4")])
def test_all_below_a_width(width: int, text: str) -> None:
    assert str(Indexes.below(width)) == text
    assert Indexes.below(width) == Indexes(range(width))
