"""The schedules of a page: those in the cluster; where the account may not read these, those that the code declares."""

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.schedule_ends import Ends, read_ends
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.enqueue.validation import valid_name
from django_tasks_kubernetes.exceptions import PermissionDenied
from django_tasks_kubernetes.presentation.schedule_rows import record
from django_tasks_kubernetes.stores.schedules import ScheduleStore, connect


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleReading:
    """What was read."""

    resources: list[Resource]
    """By name."""

    ends: Ends
    """What came of their last times."""

    missing: PermissionDenied | None = None
    """Why these are what the code declares, and not what is in the cluster."""

    @property
    def is_declared(self) -> bool:
        """Whether they are only what the code says: they have no status, and cannot be suspended."""
        return self.missing is not None or not any("uid" in one["metadata"] for one in self.resources)


def read_schedules(place: Place) -> ScheduleReading:
    """One request, and those of read_ends()."""
    resources, missing = _resources(place)
    return ScheduleReading(resources=resources, ends=read_ends(place, resources), missing=missing)


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
            if schedule.task.backend in place.aliases:
                found.append(resource_of(schedule, "", options_for(schedule.task.backend)))
    return sorted(found, key=_name)


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


def _name(resource: Any) -> str:
    name: str = resource["metadata"]["name"]
    return name
