"""The items of results that are mapped over, in bounded memory."""

from __future__ import annotations

from djangotasks_operator.controllers.item_lists import ITEM_BYTES, ItemLists

# Three lists of one item fit.
MOST = 3 * (ITEM_BYTES + 1)


def test_what_was_asked_for_the_longest_ago_goes_first() -> None:
    lists = ItemLists(MOST)
    for step in "abc":
        lists.put("uid", step, [step])
    assert lists.get("uid", "a") == ["a"]
    lists.put("uid", "d", ["d"])
    assert [lists.get("uid", step) for step in "abcd"] == [["a"], None, ["c"], ["d"]]


def test_a_list_that_is_larger_than_all_is_kept_alone() -> None:
    lists = ItemLists(MOST)
    lists.put("uid", "a", ["a"])
    lists.put("uid", "b", ["b"] * 100)
    assert (lists.get("uid", "a"), lists.get("uid", "b")) == (None, ["b"] * 100)
    lists.put("uid", "c", ["c"])
    assert (lists.get("uid", "b"), lists.get("uid", "c")) == (None, ["c"])


def test_a_step_of_another_workflow_is_another_one() -> None:
    lists = ItemLists(MOST)
    lists.put("uid", "a", ["a"])
    assert lists.get("other", "a") is None


def test_a_list_that_comes_again_takes_its_room_once() -> None:
    lists = ItemLists(MOST)
    for _ in range(9):
        lists.put("uid", "a", ["a"])
    lists.put("uid", "b", ["b"])
    assert lists.get("uid", "a") == ["a"]
