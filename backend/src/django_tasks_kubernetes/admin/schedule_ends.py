"""What came of the last times of schedules. The API server lists by name, and so the oldest time of each first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import ROWS_MAX, pages, rows_of
from django_tasks_kubernetes.admin.workflow_reading import WorkflowRows, workflow_page
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.filters import EVER
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.tables import Page
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow
from djangotasks_api.names import SCHEDULE_LABEL

SHOWN_MAX: Final = 20
# After the last time of a schedule, and before the names that begin with its own.
AFTER_TIMES: Final = "-:"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last task or workflow of a time, as one sign of a strip."""

    id: str
    phase: str
    at: datetime | None
    """When it was enqueued."""
    is_workflow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What was read."""

    of: dict[str, list[End]]
    """The last ones by schedule, the oldest first."""

    unread: frozenset[str]
    """The schedules of which there are more than were read. Their last ones are not known."""


class Pages(Protocol):
    """Reads a page of what has these labels."""

    def __call__(self, labels: str, token: str | None) -> Page | WorkflowRows: ...


def read_ends(place: Place, schedules: Sequence[Resource]) -> Ends:
    """Those of all schedules: one request for their tasks, and one for their workflows where they make some; more of
    each, where there are more than fit."""
    names = [one["metadata"]["name"] for one in schedules]
    has_workflows = any(one["spec"].get("workflow") is not None for one in schedules)
    found: list[Row | WorkflowRow] = []
    unread: set[str] = set()
    for read in (_tasks(place), _workflows(place))[: 1 + has_workflows]:
        rows, left = _of_all(read, names)
        found += rows
        unread |= left
    return _ends(found, unread)


def read_ends_of(place: Place, schedule: Resource) -> Ends:
    """Those of one schedule, of which there are too many for a list of all."""
    name = schedule["metadata"]["name"]
    read = _tasks(place) if schedule["spec"].get("workflow") is None else _workflows(place)
    found: list[Row | WorkflowRow]
    # The last ones are at the end, but for those that people have run, which are at the beginning.
    found, is_complete = rows_of(pages(lambda token: read(f"{SCHEDULE_LABEL}={name}", token)))
    return _ends(found, () if is_complete else {name})


def _of_all(read: Pages, names: Iterable[str]) -> tuple[list[Row | WorkflowRow], set[str]]:
    """The tasks of all schedules, or their workflows; and the schedules that were not read to their end. One that has
    most of a page is left out from there on, and asked for alone by its own page: else the others would wait for it."""
    found: list[Row | WorkflowRow] = []
    many: list[str] = []

    def next_page(token: str | None) -> Page | WorkflowRows:
        labels = ",".join((SCHEDULE_LABEL, *(f"{SCHEDULE_LABEL}!={name}" for name in many)))
        return read(labels, token if found else None)

    token = None
    for page in pages(next_page):
        found += page.rows
        token = page.token
        if token is not None and (name := _most_of(page.rows)):
            many.append(name)
            found.clear()
    if token is None:
        return found, set(many)
    last = found[-1].id if found else ""
    return found, {*many, *(name for name in names if f"{name}{AFTER_TIMES}" > last)}


def _most_of(rows: Sequence[Row | WorkflowRow]) -> str:
    """The schedule that more than half of these are of; empty where there is none."""
    ((name, number),) = Counter(row.schedule for row in rows).most_common(1) or [("", 0)]
    return name if 2 * number > len(rows) else ""


def _ends(rows: Iterable[Row | WorkflowRow], unread: Iterable[str]) -> Ends:
    left_out = frozenset(unread)
    found: dict[str, list[End]] = {}
    for row in rows:
        if row.schedule and row.schedule not in left_out:
            found.setdefault(row.schedule, []).append(_end(row))
    return Ends(of={name: sorted(ends, key=_order)[-SHOWN_MAX:] for name, ends in found.items()}, unread=left_out)


def _end(row: Row | WorkflowRow) -> End:
    if isinstance(row, WorkflowRow):
        return End(id=row.id, phase=row.phase, at=row.created_at, is_workflow=True)
    return End(id=row.id, phase=row.phase, at=row.enqueued_at)


def _order(end: End) -> tuple[datetime, str]:
    return end.at or EVER, end.id


def _tasks(place: Place) -> Pages:
    return lambda labels, token: place.page(labels=labels, limit=ROWS_MAX, token=token)


def _workflows(place: Place) -> Pages:
    return lambda labels, token: workflow_page(place, labels=labels, token=token)
