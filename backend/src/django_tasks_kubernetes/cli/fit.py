"""Makes a table as narrow as the terminal: columns are shortened or left out, and never the one that says which row it
is. Pure."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, takewhile
from typing import Final

type Cells = Mapping[str, str]
"""A row of a table: the cells by their headings."""

GAP: Final = 2
# What is shortened first, each to so many characters.
SHORTENED: Final = {"TASK": 16, "WORKFLOW": 14, "MESSAGE": 24, "NOTE": 16, "PROGRESS": 10, "REASON": 12}
# Of paths, the end says most.
PATHS: Final = ("TASK", "WORKFLOW")
# What is left out, in this order, where that is not enough.
LEFT_OUT: Final = (
    *("ATTEMPTS", "ACTIVE", "LAST", "LEFT", "QUEUE", "AGE", "PROGRESS", "MESSAGE", "REASON", "TASK", "WORKFLOW"),
    *("NOTE", "TIME", "BY", "ZONE", "CONCURRENCY", "SUSPENDED", "UNTIL", "SCHEDULE", "NEXT", "NAMESPACE", "PHASE"),
)


def fit(rows: Sequence[Cells], width: int | None) -> list[Cells]:
    """Returns the rows with cells that fit into a line. `width`: in places of a terminal; None for any."""
    widths = widths_of(rows)
    if width is None or line_width(widths) <= width:
        return list(rows)
    own = key_of(widths)
    for name in [name for name in widths if name != own and not any(row[name] for row in rows)]:
        del widths[name]
    for name in (name for name in LEFT_OUT if name != own):
        excess = line_width(widths) - width
        if excess <= _shortenable(widths):
            break
        widths.pop(name, None)
    _shorten(widths, line_width(widths) - width)
    return [{name: _cut(name, row[name], size) for name, size in widths.items()} for row in rows]


def key_of(names: Iterable[str]) -> str:
    """The heading of the column that says which row it is: of an id, or a name."""
    return next((name for name in names if name != "NAMESPACE"), "")


def widths_of(rows: Sequence[Cells]) -> dict[str, int]:
    """The columns' widths by their headings."""
    return {name: max(len(name), *(width_of(row[name]) for row in rows)) for name in (rows[0] if rows else ())}


def width_of(text: str) -> int:
    """How many places of a terminal it takes: Chinese characters two, accents that are combined with a letter none."""
    return len(text) if text.isascii() else sum(map(_places, text))


def _places(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def line_width(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + GAP * max(len(widths) - 1, 0)


def _least(name: str, size: int) -> int:
    return min(size, max(SHORTENED.get(name, size), len(name)))


def _shortenable(widths: Mapping[str, int]) -> int:
    return sum(size - _least(name, size) for name, size in widths.items())


def _shorten(widths: dict[str, int], excess: int) -> None:
    for name in (name for name in SHORTENED if name in widths):
        less = min(max(excess, 0), widths[name] - _least(name, widths[name]))
        widths[name] -= less
        excess -= less


def _cut(name: str, text: str, size: int) -> str:
    if width_of(text) <= size:
        return text
    if name in PATHS:
        return "…" + text[len(text) - _most(reversed(text), size - 1) :]
    return text[: _most(text, size - 1)] + "…"


def _most(text: Iterable[str], size: int) -> int:
    """How many of the characters take so many places at most."""
    return sum(1 for _ in takewhile(lambda width: width <= size, accumulate(map(_places, text))))
