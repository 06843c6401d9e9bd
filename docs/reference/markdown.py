"""What the pages are written in."""

import inspect
from collections.abc import Iterable
from typing import Any


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '\\|') for cell in line)} |\n" for line in lines)


def indented(thing: Any) -> str:
    """As the text of a definition list."""
    first, *rest = (inspect.getdoc(thing) or "").splitlines()
    return "\n".join((first, *(f"    {line}".rstrip() for line in rest)))


def code(value: object) -> str:
    shown = str(value) if isinstance(value, str) else value  # a member of an enum is the text that one writes
    return "" if value is None else f"`{shown!r}`"


def one_line(text: str) -> str:
    return " ".join(text.split())
