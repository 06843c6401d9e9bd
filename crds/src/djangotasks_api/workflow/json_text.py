"""Parts of JSON texts, exact to the character: what is taken out and put in is never decoded and encoded again.

Parts are named by JSON pointers (RFC 6901): /args/0, and the empty text for the whole.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_NUMBER: Final = re.compile("0|[1-9][0-9]*", re.ASCII)


class InvalidText(ValueError):
    """The text is no JSON."""


def _ignore(_: str) -> int:
    return 0


# In C, so that it is fast. It makes no numbers: Python refuses very long ones, and nobody needs them.
_DECODER: Final = json.JSONDecoder(parse_int=_ignore, parse_float=_ignore)


def check(text: str) -> None:
    """Raise InvalidText unless the text is one JSON value: else, put into another text, it could be more than that."""
    try:
        _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidText("it is no JSON, or nested too deep") from error


def items(text: str) -> list[str] | None:
    """The texts of a list's items; None where it is no list. Raises InvalidText."""
    check(text)
    start = _skip_space(text, 0)
    if text[start] != "[":
        return None
    return [text[first:last] for first, last in _elements(text, start)]


def part(text: str, pointer: str) -> str | None:
    """The text at a pointer; None where there is nothing. Raises InvalidText."""
    check(text)
    found = _find(text, pointer)
    return None if found is None else text[found[0] : found[1]]


def replaced(text: str, parts: Mapping[str, str]) -> str:
    """The text with others in the place of the values at the pointers. Raises InvalidText, also where a pointer leads
    nowhere, or into a part that is replaced. The new texts must have been checked."""
    check(text)
    spans: list[tuple[int, int, str]] = []
    for pointer, value in parts.items():
        if (found := _find(text, pointer)) is None:
            raise InvalidText(f"it has nothing at {pointer}")
        spans.append((*found, value))
    spans.sort()
    pieces, done = [], 0
    for first, last, value in spans:
        if first < done:
            raise InvalidText("one part is in another one")
        pieces += [text[done:first], value]
        done = last
    return "".join((*pieces, text[done:]))


def pointer(keys: Sequence[str | int]) -> str:
    """The pointer of a way of keys and positions."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)


def _keys(pointer: str) -> list[str]:
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def _find(text: str, pointer: str) -> tuple[int, int] | None:
    first = _skip_space(text, 0)
    last = _end(text, first)
    for key in _keys(pointer):
        found: tuple[int, int] | None = None
        if text[first] == "{":
            # Of two members of one name the last counts, as for everyone who decodes it.
            for name, span in _members(text, first):
                if name == key:
                    found = span
        elif text[first] == "[" and _NUMBER.fullmatch(key):
            found = next((span for number, span in enumerate(_elements(text, first)) if number == int(key)), None)
        if found is None:
            return None
        first, last = found
    return first, last


def _elements(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Where each item of the list that begins at `start` is."""
    at = _skip_space(text, start + 1)
    while text[at] != "]":
        last = _end(text, at)
        yield at, last
        at = _after_comma(text, last)


def _members(text: str, start: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """The name of each member of the object that begins at `start`, and where its value is."""
    at = _skip_space(text, start + 1)
    while text[at] != "}":
        last = _end(text, at)
        name = json.loads(text[at:last])
        first = _skip_space(text, text.index(":", last) + 1)
        last = _end(text, first)
        yield name, (first, last)
        at = _after_comma(text, last)


def _after_comma(text: str, at: int) -> int:
    at = _skip_space(text, at)
    return _skip_space(text, at + 1) if text[at] == "," else at


def _skip_space(text: str, at: int) -> int:
    while text[at].isspace():
        at += 1
    return at


def _end(text: str, start: int) -> int:
    """Where the value that begins at `start` ends."""
    return _DECODER.raw_decode(text, start)[1]
