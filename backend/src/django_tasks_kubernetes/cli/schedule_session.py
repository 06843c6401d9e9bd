"""What the shells give the verbs of schedules."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.cli.output import Output
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.new_task import marked
from django_tasks_kubernetes.store import TaskStore, store_of


class Schedules(Protocol):
    """Where schedules are: the cluster, or the code of the project."""

    def get(self, name: str) -> Resource:
        """Raises ScheduleDoesNotExist."""

    def find(self) -> Iterable[Resource]: ...

    def suspend(self, name: str, suspended: bool) -> Resource:
        """Returns it as it is then. Raises ScheduleDoesNotExist."""

    def apply(self, resource: Resource, *, without: Mapping[str, Any], dry_run: bool) -> Resource:
        """Creates it, or sets the fields that it has, and takes away those of `without`. Returns it as it is then."""

    def delete(self, resource: Resource, *, dry_run: bool) -> None: ...


class Tasks(Protocol):
    """Where their tasks and workflows are created."""

    def create(self, resource: Resource) -> str:
        """Returns the id. Raises as enqueue() does."""

    def exists(self, resource: Resource) -> bool:
        """Whether there is one of its name."""


@dataclass(frozen=True, slots=True)
class ClusterTasks:
    """As the operator creates them: without the project's code, and without signals."""

    store: TaskStore

    def create(self, resource: Resource) -> str:
        store_of(self.store, resource).create(marked(resource))
        name: str = resource["metadata"]["name"]
        return name

    def exists(self, resource: Resource) -> bool:
        try:
            store_of(self.store, resource).get(resource["metadata"]["name"])
        except TaskResultDoesNotExist:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """A task that the loop has enqueued."""

    schedule: str
    scheduled_for: datetime
    id: str | None
    """None where that failed."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What only manage.py knows: the schedules that the code declares."""

    name: str
    """Which project it is, among those of a namespace."""

    resources: tuple[Resource, ...]
    """Those for the place in which the verb works."""

    elsewhere: frozenset[str] = frozenset()
    """The names of all others that the code declares, for backends that the verb is not about."""

    without_cluster: frozenset[str] = frozenset()
    """The names of those whose backend has no cluster, where another has one: nothing but the loop enqueues them."""

    aliases: frozenset[str] | None = None
    """The backends that the verb is about, where it was given --backend."""

    loop: Callable[[], Iterator[Enqueued]]
    """Enqueues their tasks from this process, each at its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSession:
    """What a verb works with."""

    schedules: Schedules
    tasks: Tasks
    output: Output
    project: Callable[[Mapping[str, object]], Project] | None = None
    """None without the project's code. Raises UsageError where its schedules are wrong. Is given the options."""
