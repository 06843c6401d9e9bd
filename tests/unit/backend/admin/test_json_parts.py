"""JSON text in parts, as it is written."""

import json
from typing import Any

import pytest

from django_tasks_kubernetes.admin.json_parts import HIDDEN, check, parts, without

LONG = "1" * 5000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[]", []),
        (" [ ] ", []),
        ('[1, "a,]" ,{"b": [2]}]', [("", "1"), ("", '"a,]"'), ("", '{"b": [2]}')]),
        ("[1.10,1e400,NaN]", [("", "1.10"), ("", "1e400"), ("", "NaN")]),
        (f"[{LONG}]", [("", LONG)]),
        ("{}", []),
        (
            '{"a" : 1,"b\\"}" :"x" ,"":null,"a":2}',
            [("a", "1"), ('b"}', '"x"'), ("", "null"), ("a", "2")],
        ),
        (r'{"\u00e9":"\u00e9"}', [("é", r'"\u00e9"')]),
    ],
)
def test_parts_keep_their_text(text: str, found: list[tuple[str, str]]) -> None:
    check(text)
    assert list(parts(text)) == found


@pytest.mark.parametrize("text", ["", " ", "{", "[1] 2", "{'a': 1}", "[1,]", "[" * 100_000 + "]" * 100_000])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"nested|more after|Expect|property|Illegal"):
        check(text)


@pytest.mark.parametrize("text", ["1", '"[]"', "null"])
def test_what_has_no_parts_is_refused(text: str) -> None:
    check(text)
    with pytest.raises(ValueError, match="neither"):
        list(parts(text))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("1", "1"),
        ('{"a": 1.10, "b":[ 1e400 ]}', '{"a": 1.10, "b":[ 1e400 ]}'),
        ('{"x": "secret"}', '{"x":HIDDEN}'),
        ('{"a":1,"x":{"y":[1,{"x":2}]},"b":2}', '{"a":1,"x":HIDDEN,"b":2}'),
        ('[{"x":1},{"a":{"x":[],"b":"x:"}}]', '[{"x":HIDDEN},{"a":{"x":HIDDEN,"b":"x:"}}]'),
        (r'{"a":"\"x\":1,","\u0078":"}"}', r'{"a":"\"x\":1,","\u0078":HIDDEN}'),
        ('{"x":1,"x":2}', '{"x":HIDDEN,"x":HIDDEN}'),
        ('{"x":[[1],[2]],"a":["x"]}', '{"x":HIDDEN,"a":["x"]}'),
    ],
)
def test_values_are_hidden_by_their_names(text: str, left: str) -> None:
    def is_hidden(name: str) -> bool:
        return name == "x"

    assert without(text, is_hidden) == left.replace("HIDDEN", f'"{HIDDEN}"')


def test_values_are_hidden_at_any_depth() -> None:
    value: Any = {"x": 1}
    for _ in range(400):
        value = {"a": [value]}
    assert json.dumps(HIDDEN) in without(json.dumps(value), lambda name: name == "x")
