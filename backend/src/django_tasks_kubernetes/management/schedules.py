"""The schedules that the project declares, for its commands."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db import close_old_connections
from django.tasks import task_backends

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.beat import Beat, create, enqueue
from django_tasks_kubernetes.cli.schedule_session import Enqueued, Project
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import ScheduleDoesNotExist
from django_tasks_kubernetes.presentation.filters import UsageError
from django_tasks_kubernetes.schedule_checks import options_for, without_cluster
from django_tasks_kubernetes.schedules.definition import Schedule
from django_tasks_kubernetes.schedules.discover import discover
from django_tasks_kubernetes.schedules.manifest import resource_of
from django_tasks_kubernetes.schedules.problems import problems_of
from django_tasks_kubernetes.schedules.registry import declared
from djangotasks_api.bounds import DNS_LABEL_MAX_CHARS
from djangotasks_api.names import LABEL_VALUE_PATTERN


def declared_schedules() -> list[Schedule]:
    """All of them. Raises UsageError where a module of tasks cannot be imported, or a schedule is wrong: what is known
    then is not what the project declares."""
    failed = discover().failed
    problems = [f"{module} cannot be imported: {type(error).__name__}: {error}" for module, error in failed.items()]
    problems += [
        f"{problem.where}: {problem.text}" + (f"\n  {problem.hint}" if problem.hint else "")
        for problem in problems_of(declared, options_for)
    ]
    if problems:
        raise UsageError("\n".join(problems))
    return list(declared)


def project_name(given: str | None) -> str:
    """What the schedules of the project are labelled with. Raises UsageError for what is no label."""
    module: str = os.environ.get("DJANGO_SETTINGS_MODULE") or getattr(settings, "ROOT_URLCONF", None) or "project"
    name = module.partition(".")[0] if given is None else given
    if not name or len(name) > DNS_LABEL_MAX_CHARS or not re.fullmatch(LABEL_VALUE_PATTERN, name):
        raise UsageError(f"--declared-by must be the value of a label, such as shop, not {name!r}.")
    return name


def project(given: Mapping[str, object], aliases: Iterable[str]) -> Project:
    """What the project declares for the backends of these aliases. `given`: the options of the command; --backend says
    that it is about these alone."""
    name = project_name(None if (text := given.get("declared_by")) is None else str(text))
    declared_here, only = declared_schedules(), frozenset(aliases)
    wanted = [schedule for schedule in declared_here if schedule.task.backend in only]
    resources = tuple(resource_of(schedule, name, options_for(schedule.task.backend)) for schedule in wanted)
    return Project(
        name=name,
        resources=resources,
        elsewhere=frozenset(schedule.name for schedule in declared_here if schedule.task.backend not in only),
        without_cluster=frozenset(one.name for one in without_cluster(declared_here)),
        aliases=None if given.get("backend") is None else only,
        loop=lambda: loop(wanted),
    )


def loop(schedules: list[Schedule]) -> Iterator[Enqueued]:
    """Enqueues the tasks of schedules at their times. What one raises is said, and the others go on."""
    for due in Beat.of(schedules).ticks():
        schedule, at = due.schedule, due.at
        # As between two web requests: databases close connections that nobody has used for hours.
        close_old_connections()
        try:
            yield Enqueued(schedule=schedule.name, scheduled_for=at, id=enqueue(schedule, at).id)
        except Exception as error:  # noqa: BLE001 - whatever a backend raises
            yield Enqueued(
                schedule=schedule.name, scheduled_for=at, id=None, problem=f"{type(error).__name__}: {error}"
            )


class DeclaredSchedules:
    """In the place of those in a cluster, where there is none. See cli.schedule_session.Schedules."""

    namespace = ""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = {resource["metadata"]["name"]: resource for resource in resources}

    def get(self, name: str) -> Resource:
        try:
            return self._resources[name]
        except KeyError:
            raise ScheduleDoesNotExist(f"The project declares no schedule {name!r}.") from None

    def find(self) -> Iterable[Resource]:
        return self._resources.values()

    def suspend(self, name: str, suspended: bool) -> Resource:
        raise UsageError("TASKS names no backend with a cluster, and a schedule that is only code cannot be suspended.")

    def apply(self, resource: Resource, *, without: Mapping[str, Any], dry_run: bool) -> Resource:
        raise UsageError("TASKS names no backend with a cluster, to which schedules could be applied.")

    def delete(self, resource: Resource, *, dry_run: bool) -> None:
        raise UsageError("TASKS names no backend with a cluster, in which schedules could be deleted.")


class DeclaredTasks:
    """Enqueues the tasks of declared schedules, by whichever backend TASKS names. See cli.schedule_session.Tasks."""

    def __init__(self, schedules: Iterable[Schedule]) -> None:
        self._schedules = {schedule.name: schedule for schedule in schedules}

    def create(self, resource: Resource) -> str:
        spec = resource["spec"]
        backend = task_backends[spec["backend"]]
        if isinstance(backend, KubernetesBackend):
            return create(backend, resource).id
        schedule = self._schedules[spec["schedule"]]
        return schedule.task.enqueue(*schedule.args, **schedule.kwargs).id

    def exists(self, resource: Resource) -> bool:
        """Tasks are known in the process that has enqueued them, so to none that comes later."""
        return False
