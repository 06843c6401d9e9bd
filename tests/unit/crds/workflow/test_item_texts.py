"""The texts of a list's items."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.workflow.item_texts import ItemTexts

TEXTS = st.lists(
    st.text(st.characters(), max_size=4) | st.sampled_from(["", "é", "😀", "\ud800", "1" * 50]), max_size=8
)


@given(TEXTS, st.slices(8))
def test_they_are_what_they_were(texts: list[str], part: slice) -> None:
    items = ItemTexts(texts)
    assert list(items) == texts
    assert items[part] == texts[part]
    assert len(items) == len(texts)
    assert [items[-number - 1] for number in range(len(texts))] == texts[::-1]


def test_there_is_none_behind_the_last() -> None:
    for at in (1, -2):
        with pytest.raises(IndexError):
            ItemTexts(["a"])[at]


def test_there_may_be_more_than_are_taken_in_together() -> None:
    texts = [str(number) for number in range(2_500)] + ["é"] * 600
    assert list(ItemTexts(iter(texts))) == texts


def test_they_take_little_more_than_their_characters() -> None:
    items = ItemTexts(map(str, range(90_000)))
    assert items.bytes < 2 * sum(len(str(number)) for number in range(90_000))
    assert items.bytes < 90_000 * sys.getsizeof("12345") / 5
