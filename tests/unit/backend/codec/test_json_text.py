"""Values as JSON text: exact, or an error that names the place."""

import enum
import json
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PureWindowsPath
from types import MappingProxyType
from typing import Any

import pytest
from django.http import QueryDict
from django.utils.json import normalize_json
from hypothesis import given
from hypothesis import strategies as st

from django_tasks_kubernetes.codec import json_text
from django_tasks_kubernetes.models import TaskEnd


class Colour(enum.StrEnum):
    RED = "red"


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        2**63 + 1,
        -(2**200),
        0.1 + 0.2,
        5e-324,
        1.7976931348623157e308,
        "\ud800 lone surrogate",
        "\x00 \x7f \u2028 \U0001f600 ' \" \\",
        "$(HOME) $$ `id` %s",
        True,
        [1, [2.5, {"k": [None]}]],
        nested(100),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_json_text_comes_back_exactly(value: Any) -> None:
    text = json_text.dumps(value, name="x")
    back = json.loads(text)
    assert back == value
    assert type(back) is type(value)
    assert text.isascii()
    assert text.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_generated_json_comes_back_exactly(value: Any) -> None:
    # repr too: 1 == 1.0 == True, and 0.0 == -0.0.
    assert repr(json.loads(json_text.dumps(value, name="x"))) == repr(value)


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        ((1, (2,)), [1, [2]]),
        (b"bytes", "bytes"),
        ({b"k": 1}, {"k": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (range(3), [0, 1, 2]),
        (Colour.RED, "red"),
    ],
)
def test_json_text_is_normalised_as_by_django(value: Any, arrives: Any) -> None:
    assert json.loads(json_text.dumps(value, name="x")) == arrives


@given(
    st.recursive(
        st.sampled_from([None, 1, 1.0, True, "a", b"a", Colour.RED]),
        lambda inner: (
            st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.just(b"k") | st.just("k"), inner)
        ),
    )
)
def test_json_text_is_that_of_the_normalised_value(value: Any) -> None:
    assert json_text.dumps(value, name="x") == json.dumps(normalize_json(value), separators=(",", ":"))


def test_what_is_json_already_is_not_gone_through_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes as long as all the rest of enqueue(), where a list has 10,000 items."""
    monkeypatch.setattr(json_text, "normalize_json", None)
    assert json_text.dumps([{"a": [1, "b", None]}], name="x") == '[{"a":[1,"b",null]}]'


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), TypeError, "args: datetime is not JSON. Its isoformat() is."),
        ([{"when": datetime(2026, 1, 1, tzinfo=UTC)}], TypeError, "args[0].when: datetime is not JSON."),
        ([0, {"a b": {1}}], TypeError, "args[1]['a b']: set is not JSON. A list of what is in it can be."),
        ([Decimal("1.5")], TypeError, "args[0]: Decimal is not JSON. Its str() is."),
        ([PureWindowsPath("C:\\temp")], TypeError, "args[0]: PureWindowsPath is not JSON. Its str() is."),
        ([TaskEnd(pk=1)], TypeError, "args[0]: TaskEnd is not JSON. Its primary key can be."),
        ([object()], TypeError, "args[0]: object is not JSON."),
        ([float("nan")], ValueError, "args[0]: float is not JSON (Out of range float values are not JSON compliant"),
        ([[float("-inf")]], ValueError, "args[0][0]: float is not JSON (Out of range"),
        ([b"\xff"], ValueError, "args[0]: bytes is not JSON"),
        ([{1: "x"}], TypeError, "args[0] has the key 1 (int): the keys of JSON objects are strings."),
        ([{"1": {None: "x"}}], TypeError, "args[0]['1'] has the key None (NoneType)"),
        ([10 ** (sys.get_int_max_str_digits() + 1)], ValueError, "args[0]: int is not JSON (Exceeds the limit"),
        (nested(100_000), ValueError, "args is nested too deep for JSON, or contains itself."),
    ],
)
def test_json_text_names_the_place_of_an_error(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        json_text.dumps(value, name="args")


def test_json_text_refuses_what_contains_itself() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match="contains itself"):
        json_text.dumps(value, name="args")


def test_json_text_converts_keys_where_allowed() -> None:
    assert json_text.dumps({1: "a", None: "b"}, name="x", exact_keys=False) == '{"1":"a","null":"b"}'


def test_a_query_with_several_values_of_a_key_is_refused() -> None:
    """JSON would have the last one alone."""
    value = ({"form": QueryDict("a=1&b=2&b=3")},)
    with pytest.raises(TypeError, match=r"x\[0\]\.form has several values of 'b'.*Pass dict\(….lists\(\)\) for all"):
        json_text.dumps(value, name="x")
    assert json_text.dumps(QueryDict("a=1&b=2"), name="x") == '{"a":"1","b":"2"}'


@pytest.mark.parametrize("key", [(1, 2), datetime(2026, 11, 23, tzinfo=UTC), frozenset()])
def test_a_key_that_json_has_no_string_for_is_named(key: Any) -> None:
    with pytest.raises(TypeError, match=r"x\.rows has the key .*: the keys of JSON objects are strings"):
        json_text.dumps({"rows": {key: 1}}, name="x", exact_keys=False)
