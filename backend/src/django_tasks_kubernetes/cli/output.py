"""Where a command's output goes, and in which format."""

import json
import os
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from typing import Any, TextIO

from django_tasks_kubernetes.cli.renderer import Renderer
from django_tasks_kubernetes.cli.streams import drop, is_interactive, put, tolerant
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.text import safe
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow


class OutputFormat(StrEnum):
    """What is written for each task."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    NAME = "name"


@dataclass
class Output:
    """Answers go to stdout; notes, which are no part of an answer, to stderr."""

    format: OutputFormat = OutputFormat.TABLE
    namespaces: bool = False
    """Whether tasks of several namespaces are shown, each with its own."""

    namespace: str = ""
    """The one that is looked into otherwise, where there is a cluster."""

    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    color: bool = True
    goes_on: bool = False
    """Whether the work is done to its end where nobody reads the answers any more, as behind `head`."""

    _renderer: Renderer | None = None

    def __post_init__(self) -> None:
        self.stdout, self.stderr = tolerant(self.stdout), tolerant(self.stderr)

    @property
    def renderer(self) -> Renderer:
        """Rich's where it is installed and the terminal can show it; else plain lines."""
        if self._renderer is None:
            if self.color and is_terminal(self.stdout) and find_spec("rich") is not None:
                from django_tasks_kubernetes.cli.rich_renderer import RichRenderer

                self._renderer = RichRenderer(self.stdout)
            else:
                from django_tasks_kubernetes.cli.plain_renderer import PlainRenderer

                self._renderer = PlainRenderer(self.stdout)
        return self._renderer

    def line(self, text: str) -> None:
        """Writes a line, in which nothing moves a cursor. Raises BrokenPipeError, unless the work goes on."""
        try:
            put(self.stdout, f"{safe(text, lines=True)}\n")
        except BrokenPipeError:
            if not self.goes_on:
                raise
            drop(self.stdout)

    def raw(self, data: bytes) -> None:
        """Writes a part of a log, or of a file, unchanged."""
        if (buffer := getattr(self.stdout, "buffer", None)) is not None:
            buffer.write(data)
            buffer.flush()
        else:
            put(self.stdout, data.decode(errors="replace"))

    def object(self, value: Any) -> None:
        """Writes an object as one line of ASCII, so that nothing in it can end the line or move a cursor."""
        self.line(json.dumps(value))

    def note(self, text: str) -> None:
        """What it repeats may be anybody's, such as the words of an admission webhook. Where nobody reads it, it is no
        reason to end."""
        self.ask(f"{safe(text, lines=True)}\n")

    def none(self, what: str) -> None:
        """Says that nothing is there, and where it has looked: a context or a setting may name another namespace than
        the reader thinks."""
        where = f" in namespace {self.namespace}" if self.namespace and not self.namespaces else ""
        self.note(f"{what}{where}.")

    def ask(self, question: str) -> None:
        try:
            put(self.stderr, question)
        except BrokenPipeError:
            drop(self.stderr)

    def name(self, row: Row | WorkflowRow) -> None:
        """Writes its name as kubectl does."""
        self.line(row.name)


def is_terminal(stream: TextIO) -> bool:
    """Whether the stream shows colours and can be written over: https://no-color.org."""
    return is_interactive(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
