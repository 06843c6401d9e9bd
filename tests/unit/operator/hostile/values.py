"""Values that nobody expects, and objects with some of them in the place of others."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

DEEP = 2_000


def nested(depth: int, kind: str) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if kind == "object" else [value]
    return value


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from([
        "", " ", "\x00", "\x1b[2J", "\u202e", "$(PATH)", "../../secrets", "a" * 5000, "\N{SNOWMAN}" * 300, "0" * 300,
        "1e999999", "-1", "2999-12-31T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "999Ei", "null",
        "2026-11-23t12:00:00z", "__proto__", "default", "receipt", "neighbour",
    ]),
    st.sampled_from([10**18, -(10**18), 1e308, -1e308, 0.1, -0.0]),
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5) | st.just("name"), inner, max_size=3)
    ),
    max_leaves=6,
)
HOSTILE = st.one_of(JSON, st.builds(nested, st.sampled_from([20, 40, 400, DEEP]), st.sampled_from(["object", "list"])))


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """All places in an object."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*path, key)
        yield from paths(part, (*path, key))


def mutated(body: dict[str, Any], *roots: str) -> st.SearchStrategy[dict[str, Any]]:
    """The object with hostile values in up to three places under `roots`."""
    places = [
        path for path in paths(body) if path[0] in roots and path != ("metadata",) and path[:2] != ("metadata", "name")
    ]
    changes = st.lists(st.tuples(st.sampled_from(places), HOSTILE), min_size=1, max_size=3)
    return changes.map(lambda made: changed(body, made))


def changed(body: dict[str, Any], changes: list[tuple[tuple[str | int, ...], Any]]) -> dict[str, Any]:
    result = copy.deepcopy(body)
    for path, value in changes:
        parent: Any = result
        for key in path[:-1]:
            parent = parent[key] if _has(parent, key) else None
        if _has(parent, path[-1]):
            parent[path[-1]] = value
    return result


def _has(parent: Any, key: str | int) -> bool:
    if isinstance(parent, dict):
        return key in parent
    return isinstance(parent, list) and isinstance(key, int) and key < len(parent)


def text_of(value: Any) -> str:
    """As JSON, however deep it is: json.dumps is recursive, and how deep it gets differs between versions of Python."""
    text: list[str] = []
    # What is still to be written, the next last. A str is text; a value waits in a tuple.
    rest: list[str | tuple[Any]] = [(value,)]
    while rest:
        part = rest.pop()
        match part:
            case str():
                text.append(part)
            case (list() as items,):
                rest.append("]")
                for number, item in reversed(list(enumerate(items))):
                    rest += [(item,), ", " if number else ""]
                rest.append("[")
            case (dict() as members,):
                rest.append("}")
                for number, (key, item) in reversed(list(enumerate(members.items()))):
                    rest += [(item,), f"{', ' if number else ''}{json.dumps(key)}: "]
                rest.append("{")
            case (scalar,):
                text.append(json.dumps(scalar))
    return "".join(text)
