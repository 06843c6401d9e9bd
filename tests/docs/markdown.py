"""The fenced blocks of a Markdown page: commands, files, and what the commands should print."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent

FENCE = re.compile(
    r'^(?P<indent> *)```(?P<language>[\w-]+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^(?P=indent)```$',
    re.MULTILINE | re.DOTALL,
)
ANYTHING = "…"


@dataclass(frozen=True)
class Block:
    """`title`: of a file, its path."""

    language: str
    title: str | None
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    return [
        Block(match["language"], match["title"], dedent(match["text"]), page.count("\n", 0, match.start()) + 1)
        for match in FENCE.finditer(page)
    ]


def missing(expected: str, printed: str) -> str | None:
    """The first line of `expected` that is not in `printed`, below those before it. `…` stands for anything."""
    lines = iter(printed.splitlines())
    for wanted in expected.splitlines():
        words = re.escape(" ".join(wanted.split())).replace(re.escape(ANYTHING), ".*")
        if not any(re.fullmatch(words, " ".join(line.split())) for line in lines):
            return wanted
    return None
