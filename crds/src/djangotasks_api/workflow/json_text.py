"""Parts of JSON texts, exact to the character: what is taken out and put in is never decoded and encoded again.

Parts are named by JSON pointers (RFC 6901): /args/0, and the empty text for the whole.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from djangotasks_api.workflow.item_texts import ItemTexts


class InvalidText(ValueError):
    """The text is no JSON."""


def _ignore(_: str) -> int:
    return 0


# In C, so that it is fast. It makes no numbers: Python refuses very long ones, and nobody needs them.
_DECODER: Final = json.JSONDecoder(parse_int=_ignore, parse_float=_ignore)

# The items of a list that is JSON, and has no brackets within.
_SCALAR: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[^\s,"\]]+')


def check(text: str) -> None:
    """Raise InvalidText unless the text is one JSON value: else, put into another text, it could be more than that."""
    try:
        _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidText("it is no JSON, or nested too deep") from error


def items(text: str) -> ItemTexts | None:
    """The texts of a list's items; None where it is no list. Raises InvalidText."""
    check(text)
    start = _skip_space(text, 0)
    if text[start] != "[":
        return None
    if text.count("[") == 1 and "{" not in text:
        # Numbers or plain strings, as in most lists: split in C.
        return ItemTexts(_SCALAR.findall(text, start + 1))
    return ItemTexts(text[first:last] for first, last in _elements(text, start))


def part(text: str, pointer: str) -> str | None:
    """The text at a pointer; None where there is nothing. Raises InvalidText."""
    return parts(text, (pointer,)).get(pointer)


def parts(text: str, pointers: Iterable[str]) -> dict[str, str]:
    """The texts at the pointers; without those where there is nothing. Raises InvalidText."""
    check(text)
    return {pointer: text[first:last] for pointer, (first, last) in _spans(text, pointers).items()}


def replaced(text: str, parts: Mapping[str, str]) -> str:
    """The text with others in the place of the values at the pointers. Raises InvalidText, also where a pointer leads
    nowhere, or into a part that is replaced. The new texts must have been checked."""
    check(text)
    found = _spans(text, parts)
    if missing := [pointer for pointer in parts if pointer not in found]:
        raise InvalidText(f"it has nothing at {missing[0]}")
    pieces, done = [], 0
    for (first, last), value in sorted((span, parts[pointer]) for pointer, span in found.items()):
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


type _Span = tuple[int, int]


def _spans(text: str, pointers: Iterable[str]) -> dict[str, _Span]:
    """Where the values at the pointers are; without those where there is nothing. All are found on one way through the
    text: pointers are somebody's input, and may be many and deep."""
    found: dict[str, _Span] = {}
    _walk(text, _skip_space(text, 0), [(pointer, _keys(pointer)) for pointer in dict.fromkeys(pointers)], 0, found)
    return found


def _walk(text: str, start: int, wanted: list[tuple[str, list[str]]], depth: int, found: dict[str, _Span]) -> int:
    """Note where the wanted values are in the value that begins at `start`. Returns where that ends. `depth`: how many
    of their keys have led there."""
    deeper: dict[str, list[tuple[str, list[str]]]] = {}
    for pointer, keys in wanted:
        if len(keys) > depth:
            deeper.setdefault(keys[depth], []).append((pointer, keys))
    if not deeper or text[start] not in "[{":
        end = _end(text, start)
    else:
        at = _skip_space(text, start + 1)
        number = 0
        while text[at] not in "]}":
            key, number = str(number), number + 1
            if text[start] == "{":
                last = _end(text, at)
                key = json.loads(text[at:last])
                at = _skip_space(text, text.index(":", last) + 1)
            inner = deeper.get(key) or []
            for pointer, _ in inner:
                # Of two members of one name the last counts, as for everyone who decodes it.
                found.pop(pointer, None)
            at = _after_comma(text, _walk(text, at, inner, depth + 1, found) if inner else _end(text, at))
        end = at + 1
    found |= {pointer: (start, end) for pointer, keys in wanted if len(keys) == depth}
    return end


def _elements(text: str, start: int) -> Iterator[_Span]:
    """Where each item of the list that begins at `start` is."""
    at = _skip_space(text, start + 1)
    while text[at] != "]":
        last = _end(text, at)
        yield at, last
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
