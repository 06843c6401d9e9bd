"""watch: what changes, until all of it is finished."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.cli.connection_problem import ConnectionProblem
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.session import Code, Session
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation import records, rows
from django_tasks_kubernetes.presentation.filters import Filter
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow
from django_tasks_kubernetes.watch.events import DELETED, Event
from django_tasks_kubernetes.watch.stream import RelistNeeded, WatchStream

if TYPE_CHECKING:
    from django_tasks_kubernetes.cli.renderer import LiveTable

# Lines of a table that is redrawn that are no rows: the headings, a note, and the cursor's.
OTHER_LINES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind[R: Row | WorkflowRow]:
    """What is watched: tasks, or workflows."""

    noun: str
    row: Callable[[Resource], R]
    record: Callable[[Resource], dict[str, Any]]
    matches: Callable[[R], bool]
    """Whether it is shown where no ids are given."""


def watch(session: Session, ids: Iterable[str], which: Filter, *, timeout: float | None = None) -> int:
    """Shows tasks until all are finished: those with the ids, which must exist; or the unfinished ones that match, and
    those that are created meanwhile. Returns OK when all succeeded.

    `timeout`: in seconds.
    """
    names = [session.name_of(id_) for id_ in ids]
    selector = f"metadata.name={names[0]}" if len(names) == 1 else "" if names else which.selector
    return watch_all(session, WatchView(session, tasks_of(which), names, selector), selector, timeout)


def tasks_of(which: Filter) -> Kind[Row]:
    return Kind(noun="task", row=rows.row, record=records.record, matches=which.matches)


def watch_all(
    session: Session, view: "WatchView[Row] | WatchView[WorkflowRow]", selector: str, timeout: float | None
) -> int:
    """See watch()."""

    def is_over(change: object) -> bool:
        view.take(change)
        return view.done

    with view.shown():
        if is_reached(session, selector, timeout, is_over):
            return view.code()
    session.output.note(f"Not finished after {timeout:g} s.")
    return Code.TIMEOUT


def is_reached(session: Session, selector: str, timeout: float | None, take: Callable[[object], bool]) -> bool:
    """Gives each change of a watch to `take`, until it returns True. Returns False where the time is over before."""
    stream = WatchStream(session.client, selector)
    timer = threading.Timer(min(threading.TIMEOUT_MAX, timeout or 0), stream.close)
    if timeout is not None:
        timer.daemon = True
        timer.start()
    try:
        return any(take(change) for change in stream)
    finally:
        timer.cancel()
        stream.close()


class WatchView[R: Row | WorkflowRow]:
    """What is watched, and how it is shown."""

    def __init__(self, session: Session, kind: Kind[R], names: list[str], selector: str) -> None:
        self._session = session
        self._kind = kind
        self._names = names
        self._selector = selector
        self._rows: dict[tuple[str, str], R] = {}
        self._deleted: set[tuple[str, str]] = set()
        self._begun = False
        self._problem = ConnectionProblem(session.output)
        self._live: LiveTable | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Redraws a table within `with`, where the terminal can."""
        output = self._session.output
        context = output.renderer.live() if output.format in (OutputFormat.TABLE, OutputFormat.WIDE) else None
        if context is None:
            yield
            return
        with context as self._live:
            yield

    @property
    def done(self) -> bool:
        return self._begun and all(row.is_finished or key in self._deleted for key, row in self._rows.items())

    def code(self) -> int:
        if not self._rows:
            self._session.output.note(f"No {self._kind.noun} that matches is unfinished.")
        good = all(row.is_good for row in self._rows.values())
        return Code.OK if good and not self._deleted else Code.FAILED

    def take(self, change: object) -> None:
        """Handles a change of the stream."""
        match change:
            case RelistNeeded():
                self._list()
            case Event() if self._wanted(change.name):
                self._put(change.resource, deleted=change.type == DELETED)
            case _:
                self._problem.take(change, redrawn=self._live is not None)
        if self._live is not None:
            shown, hidden = fitting(list(self._rows.values()), self._live.height - OTHER_LINES)
            more = f"{hidden:,} more {self._kind.noun}s are not shown." if hidden else ""
            self._live.show(shown, " ".join(text for text in (more, self._problem.text) if text))

    def _list(self) -> None:
        """Lists them again: the watch may have missed deletions."""
        # One after the other: all together may not fit into memory.
        found = self._named() if self._names else self._session.tasks.find(self._selector)
        there = set()
        for resource in found:
            there.add(self._kind.row(resource).key)
            self._put(resource)
        for key, row in self._rows.items():
            # One that was finished before stays what it was: its time is over.
            if key not in there and not row.is_finished and key not in self._deleted:
                self._deleted.add(key)
                self._say(row)
        self._begun = True

    def _named(self) -> Iterator[Resource]:
        """Those with the names. Raises TaskResultDoesNotExist for one that has not been there since the beginning."""
        for name in self._names:
            try:
                yield self._session.tasks.get(name)
            except TaskResultDoesNotExist:
                if not self._begun:
                    raise

    def _wanted(self, name: str) -> bool:
        return not self._names or name in self._names

    def _put(self, resource: Resource, *, deleted: bool = False) -> None:
        row = self._kind.row(resource)
        known = self._rows.get(row.key)
        if known is None and not self._names and (row.is_finished or not self._kind.matches(row)):
            return
        if deleted and not row.is_finished:
            self._deleted.add(row.key)
        elif known == row:
            return
        self._rows[row.key] = row
        self._write(resource, row)

    def _write(self, resource: Resource, row: R) -> None:
        output = self._session.output
        match output.format:
            case OutputFormat.JSON:
                output.object(self._kind.record(resource))
            case OutputFormat.NAME:
                output.name(row)
            case _:
                self._say(row)

    def _say(self, row: R) -> None:
        output = self._session.output
        if self._live is None and output.format in (OutputFormat.TABLE, OutputFormat.WIDE):
            output.line(line(row, gone=row.key in self._deleted))


def fitting[R: Row | WorkflowRow](rows: list[R], most: int) -> tuple[list[R], int]:
    """So many of the rows at most, in their order: those that are not finished, then those that came last. And how many
    are left out."""
    order = sorted(range(len(rows)), key=lambda place: (rows[place].is_finished, -place))
    kept = sorted(order[: max(most, 1)])
    return [rows[place] for place in kept], len(rows) - len(kept)


def line(row: Row | WorkflowRow, *, gone: bool = False, now: datetime | None = None) -> str:
    """Makes the line of one change."""
    at = (now or datetime.now(UTC)).strftime("%H:%M:%S")
    *words, reason = row.words
    return "  ".join([at, row.id, *(word for word in (*words, "deleted" if gone else reason) if word)])
