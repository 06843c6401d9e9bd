"""What is shown to people, and the interface of what shows it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from django_tasks_kubernetes.cli.fit import Cells
from django_tasks_kubernetes.presentation.pages import AttemptView
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All of one task, or of one workflow."""

    facts: list[tuple[str, str]]
    table: Sequence[Cells] = ()
    """The steps of a workflow."""
    attempts: list[AttemptView] = field(default_factory=list)
    data: list[tuple[str, str]] = field(default_factory=list)


class LiveTable(Protocol):
    """A table, or a page, that is redrawn while it changes."""

    @property
    def height(self) -> int:
        """Of the terminal, in lines."""

    def show(self, rows: Iterable[Row | WorkflowRow], note: str) -> None: ...

    def show_page(self, page: Callable[[], Page], note: str) -> None:
        """`page`: makes it each time, since times pass. Without I/O."""


class Renderer(Protocol):
    """Shows things to a person."""

    def table(self, rows: Iterable[Cells], *, wide: bool = False) -> None:
        """All rows have the same headings. `wide`: as they are, also where a terminal is narrower."""

    def page(self, page: Page) -> None: ...

    def live(self) -> AbstractContextManager[LiveTable] | None:
        """None where lines can only be written one after the other."""
