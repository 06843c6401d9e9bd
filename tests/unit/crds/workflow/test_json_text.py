"""Parts of JSON texts, exact to the character."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.workflow import json_text
from djangotasks_api.workflow.json_text import InvalidText, check, items, part, parts, pointer, replaced

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
# Texts that decoding and encoding would change.
EXACT = ["9223372036854775809", "1e400", "1.10", "-0.0", '"\\ud800"', '"\\u00e9/\\/"', '{"b":1, "a" : 2}', "1" * 5000]


def listed(text: str) -> list[str]:
    found = items(text)
    assert found is not None
    return list(found)


def ways(value: Any) -> list[tuple[str | int, ...]]:
    """The ways to all values in it."""
    found: list[tuple[str | int, ...]] = [()]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found += [(key, *way) for way in ways(inner)]
    return found


def follow(value: Any, way: tuple[str | int, ...]) -> Any:
    for key in way:
        value = value[key]
    return value


@given(VALUES, st.sampled_from([None, 2]))
def test_each_part_is_found(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    for way in ways(value):
        found = part(text, pointer(way))
        assert found is not None
        assert json.loads(found) == follow(value, way)


@given(VALUES)
def test_all_parts_are_found_at_once(value: Any) -> None:
    text = json.dumps(value)
    found = parts(text, (*map(pointer, ways(value)), "/x/0/none"))
    assert {way: json.loads(inner) for way, inner in found.items()} == {
        pointer(way): follow(value, way) for way in ways(value)
    }


@given(VALUES, st.sampled_from(EXACT))
def test_each_part_is_replaced(value: Any, new: str) -> None:
    text = json.dumps(value)
    for way in ways(value):
        found = replaced(text, {pointer(way): new})
        assert part(found, pointer(way)) == new
        assert len(found) == len(text) + len(new) - len(part(text, pointer(way)) or "")


@given(st.lists(VALUES, max_size=5))
def test_a_list_is_split(values: list[Any]) -> None:
    assert listed(json.dumps(values)) == [json.dumps(value) for value in values]


SCALARS = st.sampled_from(
    [*(text for text in EXACT if text[0] != "{"), '""', '"a, b"', '"\\\\"', '"\\""', "null", "[]", '"["']
)


@given(st.lists(SCALARS, max_size=6), st.sampled_from([",", " , ", ",\n\t"]))
def test_a_list_is_split_where_its_items_end(texts: list[str], comma: str) -> None:
    assert listed(f"[{comma.join(texts)}]") == texts


def test_items_are_exact() -> None:
    assert listed(f"[ {' , '.join(EXACT)}\n]") == EXACT


@pytest.mark.parametrize("text", ["1", "{}", '"[]"', "null"])
def test_what_is_no_list_has_no_items(text: str) -> None:
    assert items(text) is None


@pytest.mark.parametrize("text", ["", "[", "1 2", "[1]]", '1],"kwargs":{"x":1}', '"', "[" * 100_000, "nul"])
def test_what_is_no_json_is_refused(text: str) -> None:
    for call in (check, items):
        with pytest.raises(InvalidText):
            call(text)


def test_several_parts_are_replaced_at_once() -> None:
    text = '{"args":[null,[null,null]],"kwargs":{"a/b":null}}'
    found = replaced(text, {"/args/1/1": "3", "/args/0": "1", "/kwargs/a~1b": '"x"'})
    assert found == '{"args":[1,[null,3]],"kwargs":{"a/b":"x"}}'


@pytest.mark.parametrize("parts", [{"/2": "1"}, {"/x": "1"}, {"/0/0": "1"}, {"/1": "1", "/1/0": "2"}, {"/01": "1"}])
def test_a_place_that_is_not_there_is_refused(parts: dict[str, str]) -> None:
    with pytest.raises(InvalidText):
        replaced("[1,[2]]", parts)


def test_of_two_members_of_one_name_the_last_counts() -> None:
    assert part('{"a":1,"a":2}', "/a") == "2"
    assert part('{"a":{"b":1},"a":2}', "/a/b") is None


def test_the_way_to_many_deep_parts_is_gone_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pointers are somebody's input: each by itself, at each depth the whole text again, took minutes for one step."""
    read: list[int] = []

    def end(text: str, at: int) -> int:
        read.append(at)
        return json.JSONDecoder().raw_decode(text, at)[1]

    monkeypatch.setattr(json_text, "_end", end)
    deep, wide = 100, 300
    text = "[" * deep + f"[{','.join('1' * wide)}]" + "]" * deep
    pointers = ["/0" * deep + f"/{number}" for number in range(wide)]
    assert parts(text, pointers) == dict.fromkeys(pointers, "1")
    assert len(read) == len(set(read)) == wide
