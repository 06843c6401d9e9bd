"""Where a command's output goes, and how it looks: plain, with Rich, or as objects for programs."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from typing import Any, Protocol, TextIO

from django_tasks_kubernetes.cli.views import AttemptView, Row

type Cells = Mapping[str, str]


class Form(StrEnum):
    """What is written for each task."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All of one task."""

    facts: list[tuple[str, str]]
    attempts: list[AttemptView]
    data: list[tuple[str, str]]


class Live(Protocol):
    """A table that is shown while it changes."""

    def show(self, rows: Iterable[Row], note: str) -> None: ...


class Look(Protocol):
    """How things look to a person."""

    def table(self, rows: Iterable[Cells]) -> None:
        """All rows have the same headings."""

    def page(self, page: Page) -> None: ...

    def live(self) -> AbstractContextManager[Live] | None:
        """None where only lines can be written, one after the other."""


@dataclass
class Output:
    """`look`: for people. What is no answer, but said about it, goes to stderr."""

    form: Form = Form.TABLE
    namespaces: bool = False
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    color: bool = True
    _look: Look | None = None

    @property
    def look(self) -> Look:
        if self._look is None:
            if self.color and is_terminal(self.stdout) and find_spec("rich") is not None:
                from django_tasks_kubernetes.cli.pretty import Pretty

                self._look = Pretty(self.stdout)
            else:
                from django_tasks_kubernetes.cli.plain import Plain

                self._look = Plain(self.stdout)
        return self._look

    def line(self, text: str) -> None:
        print(text, file=self.stdout, flush=True)

    def raw(self, data: bytes) -> None:
        """A part of a log, as it was written."""
        if (buffer := getattr(self.stdout, "buffer", None)) is not None:
            buffer.write(data)
            buffer.flush()
        else:
            self.stdout.write(data.decode(errors="replace"))

    def object(self, value: Any) -> None:
        """One line; ASCII, so that nothing in it can end it or move a cursor."""
        self.line(json.dumps(value))

    def note(self, text: str) -> None:
        print(text, file=self.stderr, flush=True)

    def name(self, row: Row) -> None:
        """As kubectl names it."""
        self.line(f"djangotask.djangotasks.dev/{row.id}")


def is_terminal(stream: TextIO) -> bool:
    """It shows colours and can be written over: https://no-color.org."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
