"""The newest tasks, in few and bounded reads of the API server, which lists by name and knows no other order. Pure.

Most names tell the time, and come first, the newest first (`djangotasks_api.task_ids`): a page has the newest of them.
The others have no order, so all of them are read: tasks with a key, of a schedule, made by hand.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from django_tasks_kubernetes.presentation.filters import EVER, Filter
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.tables import Page
from djangotasks_api.names import IN_ORDER_LABEL
from djangotasks_api.task_ids import is_in_order

# As kubectl asks for them.
PAGE_ROWS: Final = 500
NOT_IN_ORDER: Final = f"!{IN_ORDER_LABEL}"


class Read(Protocol):
    """Reads a page of a list of tasks; None where there are no tables."""

    def __call__(self, *, fields: str, labels: str, limit: int, token: str | None) -> Page | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """What was found."""

    rows: list[Row]
    """The newest first."""

    matching: int | None
    """How many match; None for more than these."""


def newest(which: Filter, read: Read, *, namespaces: bool = False) -> Newest | None:
    """Finds the newest tasks that match; None where there are no tables. `namespaces`: `read` lists one after the
    other, so that the names of all are in no order."""
    found, in_all = _Found(which), None
    limit = 0 if namespaces else which.limit
    # One more, to know whether there are more.
    for page in _pages(read, which.selector, "", min(limit + 1, PAGE_ROWS) if limit else PAGE_ROWS):
        if page is None:
            return None
        if in_all is None and page.remaining is not None and not which.is_given:
            in_all = len(page.rows) + page.remaining
        found.take(page.rows)
        if page.token is None:
            return Newest(rows=found.rows, matching=found.number)
        if limit and found.in_order >= limit:
            break
    for page in _pages(read, which.selector, NOT_IN_ORDER, PAGE_ROWS):
        if page is None:
            return None
        found.take(page.rows)
    return Newest(rows=found.rows, matching=in_all)


def _pages(read: Read, fields: str, labels: str, limit: int) -> Iterator[Page | None]:
    """`limit`: of the first page, which may be the last one that is wanted."""
    page = read(fields=fields, labels=labels, limit=limit, token=None)
    yield page
    while page is not None and page.token is not None:
        page = read(fields=fields, labels=labels, limit=PAGE_ROWS, token=page.token)
        yield page


class _Found:
    """The newest of the rows that were taken."""

    def __init__(self, which: Filter) -> None:
        self._which = which
        self._rows: dict[tuple[str, str], Row] = {}
        self.number = 0
        """How many match."""
        self.in_order = 0
        """Those whose names tell the time."""

    @property
    def rows(self) -> list[Row]:
        return sorted(self._rows.values(), key=_order, reverse=True)

    def take(self, rows: list[Row]) -> None:
        for row in rows:
            if self._which.matches(row):
                self.number += row.key not in self._rows
                self.in_order += is_in_order(row.id)
                self._rows[row.key] = row
        if (limit := self._which.limit) and len(self._rows) > limit:
            # No more are kept than are wanted, however many there are.
            self._rows = {row.key: row for row in heapq.nlargest(limit, self._rows.values(), key=_order)}


def _order(row: Row) -> tuple[datetime, str, str]:
    return row.enqueued_at or EVER, row.namespace, row.id
