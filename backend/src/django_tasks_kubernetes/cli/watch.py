"""watch: tasks as they change, until all of them are finished."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django_tasks_kubernetes.cli import views
from django_tasks_kubernetes.cli.output import Form, Live
from django_tasks_kubernetes.cli.select import Filter
from django_tasks_kubernetes.cli.verbs import Code, Session, bare
from django_tasks_kubernetes.cli.views import Row
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.watching.events import DELETED, Event
from django_tasks_kubernetes.watching.following import Away, Following, Missed, Opened
from djangotasks_api.phases import Phase


def watch(session: Session, ids: Iterable[str], which: Filter, *, timeout: float | None = None) -> int:
    """Of those ids, which must exist; or of the unfinished ones that match, and of those that come meanwhile.

    `timeout`: in seconds. OK when all succeeded.
    """
    names = [bare(id_) for id_ in ids]
    selector = f"metadata.name={names[0]}" if len(names) == 1 else "" if names else which.selector
    watching = Watching(session, names, which, selector)
    following = Following(session.client, selector)
    timer = threading.Timer(timeout or 0, following.close)
    if timeout is not None:
        timer.daemon = True
        timer.start()
    try:
        with watching.shown():
            for change in following:
                watching.take(change)
                if watching.done:
                    return watching.code()
    finally:
        timer.cancel()
        following.close()
    session.output.note(f"Not finished after {timeout:g} s.")
    return Code.TIMEOUT


class Watching:
    """What is watched, and how it is shown."""

    def __init__(self, session: Session, names: list[str], which: Filter, selector: str) -> None:
        self._session = session
        self._names = names
        self._which = which
        self._selector = selector
        self._rows: dict[tuple[str, str], Row] = {}
        self._deleted: set[tuple[str, str]] = set()
        self._begun = False
        self._away = ""
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Live where the terminal can."""
        output = self._session.output
        context = output.look.live() if output.form in (Form.TABLE, Form.WIDE) else None
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
            self._session.output.note("No task that matches is unfinished.")
        good = all(row.phase == Phase.SUCCEEDED for key, row in self._rows.items())
        return Code.OK if good and not self._deleted else Code.FAILED

    def take(self, change: object) -> None:
        match change:
            case Missed():
                self._list()
            case Event() if self._wanted(change.name):
                self._put(change.resource, deleted=change.type == DELETED)
            case Away(error):
                self._note(f"{error} It is tried again.")
            case Opened():
                self._note("")
            case _:
                pass
        if self._live is not None:
            self._live.show(self._rows.values(), self._away)

    def _list(self) -> None:
        """Anew: of what was there and is not any more, nobody has told."""
        if self._names:
            found = [self._session.tasks.get(name) for name in self._names]
        else:
            found = list(self._session.tasks.find(self._selector))
        there = set()
        for resource in found:
            there.add(views.row(resource).key)
            self._put(resource)
        for key in self._rows.keys() - there:
            self._deleted.add(key)
        self._begun = True

    def _wanted(self, name: str) -> bool:
        return not self._names or name in self._names

    def _put(self, resource: Resource, *, deleted: bool = False) -> None:
        row = views.row(resource)
        known = self._rows.get(row.key)
        if known is None and not self._names and (row.is_finished or not self._which.matches(row)):
            return
        if deleted and not row.is_finished:
            self._deleted.add(row.key)
        elif known == row:
            return
        self._rows[row.key] = row
        self._tell(resource, row)

    def _tell(self, resource: Resource, row: Row) -> None:
        output = self._session.output
        match output.form:
            case Form.JSON:
                output.object(views.record(resource))
            case Form.NAME:
                output.name(row)
            case _:
                if self._live is None:
                    output.line(line(row, gone=row.key in self._deleted))

    def _note(self, text: str) -> None:
        if text and text != self._away and self._live is None:
            self._session.output.note(text)
        self._away = text


def line(row: Row, *, gone: bool = False, now: datetime | None = None) -> str:
    """One change as a line."""
    at = (now or datetime.now(UTC)).strftime("%H:%M:%S")
    words = (row.progress, row.message, "deleted" if gone else row.reason)
    return "  ".join([at, row.id, row.task, row.phase, *(word for word in words if word)])
