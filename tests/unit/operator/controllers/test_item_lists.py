"""The items of results that are mapped over, in bounded memory."""

from __future__ import annotations

from djangotasks_api.workflow.item_texts import ItemTexts
from djangotasks_operator.controllers.item_lists import ItemLists

# Three lists of one item fit.
MOST = 3 * ItemTexts("a").bytes


def of(lists: ItemLists, step: str, uid: str = "uid") -> list[str] | None:
    found = lists.get(uid, step)
    return None if found is None else list(found)


def test_what_was_asked_for_the_longest_ago_goes_first() -> None:
    lists = ItemLists(MOST)
    for step in "abc":
        lists.put("uid", step, ItemTexts([step]))
    assert of(lists, "a") == ["a"]
    lists.put("uid", "d", ItemTexts(["d"]))
    assert [of(lists, step) for step in "abcd"] == [["a"], None, ["c"], ["d"]]


def test_a_list_that_is_larger_than_all_is_kept_alone() -> None:
    lists = ItemLists(MOST)
    lists.put("uid", "a", ItemTexts(["a"]))
    lists.put("uid", "b", ItemTexts(["b"] * 100))
    assert (of(lists, "a"), of(lists, "b")) == (None, ["b"] * 100)
    lists.put("uid", "c", ItemTexts(["c"]))
    assert (of(lists, "b"), of(lists, "c")) == (None, ["c"])


def test_a_step_of_another_workflow_is_another_one() -> None:
    lists = ItemLists(MOST)
    lists.put("uid", "a", ItemTexts(["a"]))
    assert of(lists, "a", "other") is None


def test_a_list_that_comes_again_takes_its_room_once() -> None:
    lists = ItemLists(MOST)
    for _ in range(9):
        lists.put("uid", "a", ItemTexts(["a"]))
    lists.put("uid", "b", ItemTexts(["b"]))
    assert of(lists, "a") == ["a"]
