"""Tables and pages as plain lines: for pipes, dumb terminals, and where Rich is not installed."""

import shutil
from collections.abc import Iterable
from typing import TextIO

from django_tasks_kubernetes.cli.fit import GAP, Cells, fit, width_of, widths_of
from django_tasks_kubernetes.cli.renderer import Page
from django_tasks_kubernetes.cli.streams import is_interactive, put


class PlainRenderer:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def table(self, rows: Iterable[Cells], *, wide: bool = False) -> None:
        width = shutil.get_terminal_size().columns if is_interactive(self._stream) and not wide else None
        for line in lines_of(fit(list(rows), width)):
            self._print(line)

    def page(self, page: Page) -> None:
        width = max((len(label) for label, _ in page.facts), default=0) + 1
        for label, text in page.facts:
            first, *more = text.split("\n")
            self._print(f"{label + ':':<{width}} {first}".rstrip())
            for line in more:
                self._print(f"{'':{width}} {line}".rstrip())
        if page.table:
            self._print("")
            self.table(page.table)
        for attempt in page.attempts:
            self._print(f"\n{attempt.heading}")
            self._indented(attempt.words)
            self._indented(attempt.traceback)
        for label, text in page.data:
            self._print(f"\n{label}:")
            self._indented(text)

    def live(self) -> None:
        return None

    def _indented(self, text: str) -> None:
        for line in text.split("\n") if text else ():
            self._print(f"  {line}".rstrip())

    def _print(self, line: str) -> None:
        put(self._stream, f"{line}\n")


def lines_of(rows: list[Cells]) -> list[str]:
    """Columns as kubectl writes them."""
    widths = widths_of(rows)
    cells = [list(widths), *(list(row.values()) for row in rows)] if rows else []
    gap = GAP * " "
    return [gap.join(map(_padded, line, widths.values())).rstrip() for line in cells]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - width_of(cell))
