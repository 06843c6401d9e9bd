"""What is known only when a workflow runs says so, where code takes it for a value."""

from collections.abc import Callable
from typing import Any

import pytest

from django_tasks_kubernetes.workflows.later import Later, extracted, found_in

RESULT: Any = Later("rows", is_map=False)


@pytest.mark.parametrize(
    "use",
    [
        bool, len, list, str, int, float, "{}".format, lambda later: later == 1, lambda later: later + 1,
        lambda later: 1 in later, lambda later: later > 1, lambda later: f"{later}", lambda later: later(),
        lambda later: [0][later], lambda later: -later, sum, max, sorted, set, hash, abs, round, bytes, reversed,
        lambda later: {later: 1}, lambda later: later in {1: 2}, lambda later: later // 2, lambda later: 2 ** later,
        lambda later: later | {}, lambda later: [*later], lambda later: divmod(later, 2), lambda later: later != None,  # noqa: E711
        lambda later: next(iter(later)), lambda later: range(later),
    ],
)  # fmt: skip
def test_using_it_as_a_value_is_an_error(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="the result of rows> is known only when the workflow runs"):
        use(RESULT)


def test_an_attribute_is_taken_by_its_key() -> None:
    with pytest.raises(AttributeError, match=r"taken by its key: \['total'\]"):
        RESULT.total  # noqa: B018 - what it raises is asked for


def test_its_parts_are_not_known_either() -> None:
    with pytest.raises(AttributeError, match="is known only when the workflow runs"):
        RESULT.keys()
    with pytest.raises(TypeError, match="must be a mapping"):
        dict(**RESULT)


@pytest.mark.parametrize(("key", "words"), [(-1, "has no position -1"), (1.5, "not by 1.5"), (True, "not by True")])
def test_a_part_has_a_key_or_a_position(key: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        RESULT[key]


def test_parts_become_inputs() -> None:
    value, inputs = extracted({"a": [RESULT, 1], "b/c": (RESULT["x"][0],)}, "x")
    assert value == {"a": [None, 1], "b/c": [None]}
    assert inputs == [
        {"into": "/a/0", "step": "rows"},
        {"into": "/b~1c/0", "step": "rows", "pointer": "/x/0"},
    ]
    assert [repr(found) for found in found_in({"a": [RESULT, (RESULT["x"],)]})] == [
        "<the result of rows>",
        "<the result of rows['x']>",
    ]
