"""Tables, pages and progress with Rich, for terminals. The one module that imports it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from django_tasks_kubernetes.cli.output import Cells, Page
from django_tasks_kubernetes.cli.views import Row
from djangotasks_api.phases import Phase

STYLES: Final[dict[str, str]] = {
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "bold red",
    Phase.CANCELLED: "magenta",
    Phase.RUNNING: "cyan",
    Phase.STARTING: "cyan",
    Phase.RETRYING: "yellow",
}
REFRESHES_PER_SECOND: Final = 4
BAR_WIDTH: Final = 20
# What must be read in full comes last in what gives way when a terminal is narrow.
WHOLE: Final = {"ID", "PHASE", "AGE", "ATTEMPTS"}


class Pretty:
    """All that tasks say is shown as text: markup in it is none."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)

    def table(self, rows: Iterable[Cells]) -> None:
        if cells := list(rows):
            self._console.print(_table(cells))

    def page(self, page: Page) -> None:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold")
        grid.add_column(overflow="fold")
        for label, text in page.facts:
            grid.add_row(label, Text(text, style=STYLES.get(text.partition(" ")[0], "") if label == "Phase" else ""))
        self._console.print(grid)
        for attempt in page.attempts:
            self._console.print()
            self._console.print(Text(attempt.heading, style="bold"))
            if attempt.words:
                self._console.print(_indented(attempt.words, "red" if attempt.failed else ""))
            if attempt.traceback:
                self._console.print(_indented(attempt.traceback, "dim"))
        for label, text in page.data:
            self._console.print()
            self._console.print(Text(label, style="bold"))
            self._console.print(_indented(text, ""))

    @contextmanager
    def live(self) -> Iterator["LiveTable"]:
        with RichLive(
            console=self._console, refresh_per_second=REFRESHES_PER_SECOND, vertical_overflow="ellipsis"
        ) as live:
            yield LiveTable(live)


class LiveTable:
    def __init__(self, live: RichLive) -> None:
        self._live = live

    def show(self, rows: Iterable[Row], note: str) -> None:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("ID", "TASK", "PHASE", "PROGRESS", "", "REASON"):
            table.add_column(heading, no_wrap=True, overflow="fold" if heading == "ID" else "ellipsis")
        for row in rows:
            style = STYLES.get(row.phase, "")
            words = " ".join(part for part in (row.progress, row.message) if part)
            table.add_row(row.id, row.task, Text(row.phase, style), _bar(row), Text(words), Text(row.reason))
        self._live.update(Group(table, Text(note, style="dim")) if note else table)


def _bar(row: Row) -> RenderableType:
    if row.done is None or not row.total:
        return Text("")
    return ProgressBar(total=row.total, completed=min(row.done, row.total), width=BAR_WIDTH)


def _table(rows: list[Cells]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in rows[0]:
        whole = heading in WHOLE
        table.add_column(heading, no_wrap=whole, overflow="fold" if whole else "ellipsis")
    for row in rows:
        table.add_row(*(Text(text, STYLES.get(text, "") if name == "PHASE" else "") for name, text in row.items()))
    return table


def _indented(text: str, style: str) -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, 2))
