"""Tables, pages and progress with Rich, for terminals. The one module that imports it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from django_tasks_kubernetes.cli.fit import GAP, Cells, fit, key_of, line_width, widths_of
from django_tasks_kubernetes.cli.renderer import Page
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow
from djangotasks_api.phases import Phase
from djangotasks_api.workflow.records import StepPhase

STYLES: Final[dict[str, str]] = {
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "bold red",
    Phase.CANCELLED: "magenta",
    Phase.RUNNING: "cyan",
    Phase.STARTING: "cyan",
    Phase.RETRYING: "yellow",
    StepPhase.SKIPPED: "dim",
}
REFRESHES_PER_SECOND: Final = 4
BAR_WIDTH: Final = 20


class CursorStays(Console):
    """A process that is ended by a signal, as by timeout(1), could not bring back a cursor that it has hidden."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


class RichRenderer:
    """Shows what tasks say as text: markup in it has no effect."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = self._console_of()

    def _console_of(self, width: int | None = None) -> Console:
        return CursorStays(file=self._stream, width=width, highlight=False, markup=False, emoji=False)

    def table(self, rows: Iterable[Cells], *, wide: bool = False) -> None:
        cells = fit(list(rows), None if wide else self._console.width)
        if cells:
            # What is wider than the terminal is wrapped by it, and can be selected as a whole.
            console = self._console_of(line_width(widths_of(cells))) if wide else self._console
            console.print(_table(cells))

    def page(self, page: Page) -> None:
        for part in _parts(page, self._console.width):
            self._console.print(part)

    @contextmanager
    def live(self) -> Iterator["RichLiveTable"]:
        table = RichLiveTable(self._console)
        with RichLive(
            get_renderable=table.render,
            console=self._console,
            refresh_per_second=REFRESHES_PER_SECOND,
            vertical_overflow="ellipsis",
        ):
            yield table


class RichLiveTable:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._parts: Callable[[], Iterable[RenderableType]] = tuple
        self._note = ""

    @property
    def height(self) -> int:
        return self._console.height

    def show(self, rows: Iterable[Row | WorkflowRow], note: str) -> None:
        shown = list(rows)
        cells = fit([row.live for row in shown], self._console.width)
        has_room = line_width(widths_of(cells)) + GAP + BAR_WIDTH <= self._console.width
        bars = [_bar(row) for row in shown] if has_room and any(row.total for row in shown) else None
        table = _table(cells, bars)
        self._parts, self._note = lambda: [table], note

    def show_page(self, page: Callable[[], Page], note: str) -> None:
        self._parts, self._note = lambda: _parts(page(), self._console.width), note

    def render(self) -> RenderableType:
        """Called again and again, by a thread of its own."""
        return Group(*self._parts(), *([Text(self._note, style="dim")] if self._note else []))


def _parts(page: Page, width: int) -> Iterator[RenderableType]:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for label, text in page.facts:
        grid.add_row(label, Text(text, style=STYLES.get(text.partition(" ")[0], "") if label == "Phase" else ""))
    yield grid
    if page.table:
        yield ""
        yield _table(fit(page.table, width))
    for attempt in page.attempts:
        yield ""
        yield Text(attempt.heading, style="bold")
        if attempt.words:
            yield _indented(attempt.words, "red" if attempt.failed else "")
        if attempt.traceback:
            yield _indented(attempt.traceback, "dim")
    for label, text in page.data:
        yield ""
        yield Text(label, style="bold")
        yield _indented(text, "")


def _bar(row: Row | WorkflowRow) -> RenderableType:
    if row.done is None or not row.total or row.is_finished:
        return Text("")
    return ProgressBar(total=row.total, completed=min(row.done, row.total), width=BAR_WIDTH)


def _table(rows: list[Cells], bars: list[RenderableType] | None = None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    names = list(rows[0]) if rows else []
    own = key_of(names)
    for name in names:
        # An id, or a name, is folded where even that is too narrow for it, and never cut.
        table.add_column(name, no_wrap=name != own, overflow="fold" if name == own else "ellipsis")
    if bars is not None:
        table.add_column("", width=BAR_WIDTH)
    for number, row in enumerate(rows):
        cells = (Text(text, STYLES.get(text, "") if name == "PHASE" else "") for name, text in row.items())
        table.add_row(*cells, *([] if bars is None else [bars[number]]))
    return table


def _indented(text: str, style: str) -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, 2))
