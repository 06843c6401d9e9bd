"""Tables and pages as plain lines: for pipes, dumb terminals, and where Rich is not installed."""

from collections.abc import Iterable
from typing import TextIO

from django_tasks_kubernetes.cli.output import Cells, Page

GAP = "   "


class Plain:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def table(self, rows: Iterable[Cells]) -> None:
        for line in lines_of(list(rows)):
            self._print(line)

    def page(self, page: Page) -> None:
        width = max(len(label) for label, _ in page.facts) + 1
        for label, text in page.facts:
            first, *more = text.split("\n")
            self._print(f"{label + ':':<{width}} {first}".rstrip())
            for line in more:
                self._print(f"{'':{width}} {line}".rstrip())
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
        print(line, file=self._stream, flush=True)


def lines_of(rows: list[Cells]) -> list[str]:
    """Columns as kubectl writes them."""
    if not rows:
        return []
    headings = list(rows[0])
    widths = [max(len(heading), *(len(row[heading]) for row in rows)) for heading in headings]
    cells = [headings, *([row[heading] for heading in headings] for row in rows)]
    return [GAP.join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
