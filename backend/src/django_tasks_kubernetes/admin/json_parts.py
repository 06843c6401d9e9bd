"""JSON text in parts, each exactly as it is written: a number that JavaScript or Python would round stays. Pure."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Final

HIDDEN: Final = "********"
# It says where values end; what they are, nobody asks, and there may be millions.
_DECODER: Final = json.JSONDecoder(parse_int=bool, parse_float=bool)
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+')
_SPACE: Final = re.compile(r"[ \t\n\r]*")


def check(text: str) -> None:
    """Raises ValueError for what is not JSON, or is nested too deep to be read."""
    try:
        _, end = _DECODER.raw_decode(text, _after_space(text, 0))
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if _after_space(text, end) != len(text):
        raise ValueError("there is more after its end")


def parts(text: str) -> Iterator[tuple[str, str]]:
    """The items of an array, each with an empty name, or the members of an object, as text. Raises ValueError for
    anything else. `text`: JSON, which `check` lets pass."""
    at = _after_space(text, 0)
    if text[at : at + 1] not in ("[", "{"):
        raise ValueError("it is neither an array nor an object")
    is_object = text[at] == "{"
    at = _after_space(text, at + 1)
    while text[at] not in "]}":
        name = ""
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield name, text[at:end]
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def without(text: str, is_hidden: Callable[[str], object]) -> str:
    """The same with HIDDEN in place of each value, at any depth, whose name is to be hidden."""
    pieces: list[str] = []
    kept = depth = level = 0
    start: int | None = None  # of the value that is being left out, which ends at this level
    before = ""
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in "]}":
            depth -= 1
        if start is None and word == ":" and is_hidden(json.loads(before)):
            start, level = token.end(), depth
        elif start is not None and ((word == "," and depth == level) or depth < level):
            pieces += [text[kept:start], f'"{HIDDEN}"']
            kept, start = token.start(), None
        if word in "[{":
            depth += 1
        before = word
    return "".join([*pieces, text[kept:]])


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
