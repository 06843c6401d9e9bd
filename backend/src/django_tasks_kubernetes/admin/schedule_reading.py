"""The schedules of a page: those in the cluster; where the account may not read these, those that the code declares."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import ROWS_MAX
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.enqueue.validation import valid_name
from django_tasks_kubernetes.exceptions import PermissionDenied
from django_tasks_kubernetes.presentation.filters import EVER
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.schedule_rows import record
from django_tasks_kubernetes.stores.schedules import ScheduleStore, connect
from djangotasks_api.names import SCHEDULE_LABEL

# Of the tasks of schedules, which are listed the oldest first.
PAGES_MAX: Final = 5
SHOWN_ENDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last task or workflow of a time, as one sign of a strip."""

    id: str
    phase: str
    at: datetime | None
    """When it was enqueued."""
    is_workflow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleReading:
    """What was read."""

    resources: list[Resource]
    """By name."""

    ends: Mapping[str, list[End]]
    """The last ones by schedule, the oldest first."""

    missing: PermissionDenied | None = None
    """Why these are what the code declares, and not what is in the cluster."""

    @property
    def is_declared(self) -> bool:
        """Whether they are only what the code says: they have no status, and cannot be suspended."""
        return self.missing is not None or not any("uid" in one["metadata"] for one in self.resources)


def read_schedules(place: Place) -> ScheduleReading:
    """One request, one for the tasks that they made, and one for their workflows where they make some."""
    resources, missing = _resources(place)
    ends = [(row.schedule, End(id=row.id, phase=row.phase, at=row.enqueued_at)) for row in _rows(place)]
    if any(one["spec"].get("workflow") is not None for one in resources):
        from django_tasks_kubernetes.admin.workflow_reading import read_workflows
        from django_tasks_kubernetes.presentation.filters import WorkflowFilter

        ends += [
            (one.schedule, End(id=one.id, phase=one.phase, at=one.created_at, is_workflow=True))
            for one in read_workflows(place, WorkflowFilter(), labels=SCHEDULE_LABEL).rows
        ]
    return ScheduleReading(resources=resources, ends=last_ends(ends), missing=missing)


def read_schedule(place: Place, name: str) -> Resource | None:
    """One of the cluster; where the account may not read it, the one that the code declares. None where there is
    none. Raises TaskException."""
    if (store := store_of(place)) is not None:
        try:
            return store.get(valid_name(name))
        except PermissionDenied:
            pass
    return next((one for one in declared_resources(place) if one["metadata"]["name"] == name), None)


def queue_of(place: Place, name: str) -> str | None:
    """Of a schedule; None where there is none of that name. Raises TaskException."""
    found = read_schedule(place, name)
    queue: str | None = record(found, [])["queue"] if found is not None else None
    return queue


def store_of(place: Place) -> ScheduleStore | None:
    """None where there is no cluster. Raises ClusterNotConfigured."""
    if place.client is None:
        return None
    return _store(os.getpid(), place.backend.parsed_options.for_pages())


def declared_resources(place: Place) -> list[Resource]:
    """What the code declares for this place, by name. What cannot be made into a schedule is left out: `manage.py
    check` says why."""
    from django_tasks_kubernetes.schedule_checks import options_for
    from django_tasks_kubernetes.schedules.discover import discover
    from django_tasks_kubernetes.schedules.manifest import resource_of
    from django_tasks_kubernetes.schedules.registry import declared

    discover()
    found: list[Resource] = []
    for schedule in declared:
        # The function that draws a workflow may raise anything.
        with suppress(Exception):
            if schedule.task.backend == place.alias:
                found.append(resource_of(schedule, "", options_for(place.alias)))
    return sorted(found, key=_name)


def last_ends(found: Iterable[tuple[str, End]]) -> dict[str, list[End]]:
    """The last of each schedule, the oldest first."""
    ends: dict[str, list[End]] = {}
    for schedule, end in found:
        ends.setdefault(schedule, []).append(end)
    return {
        schedule: sorted(those, key=lambda end: (end.at or EVER, end.id))[-SHOWN_ENDS:]
        for schedule, those in ends.items()
        if schedule
    }


@lru_cache(maxsize=16)
def _store(process: int, options: Options) -> ScheduleStore:
    return connect(options)


def _resources(place: Place) -> tuple[list[Resource], PermissionDenied | None]:
    if (store := store_of(place)) is None:
        return declared_resources(place), None
    try:
        return sorted(store.find(), key=_name), None
    except PermissionDenied as error:
        return declared_resources(place), error.with_traceback(None)


def _rows(place: Place) -> list[Row]:
    rows: list[Row] = []
    token = None
    for _number in range(PAGES_MAX):
        page = place.page(labels=SCHEDULE_LABEL, limit=ROWS_MAX, token=token)
        rows += page.rows
        token = page.token
        if token is None:
            break
    return rows


def _name(resource: Any) -> str:
    name: str = resource["metadata"]["name"]
    return name
