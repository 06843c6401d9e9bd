"""Enqueues the tasks of schedules at their times, from this process: for development, with any backend.

Where there is a cluster, the operator does this, and remembers what it has done.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.tasks import TaskResult, task_backends

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.new_task import marked
from django_tasks_kubernetes.schedules.definition import Schedule
from django_tasks_kubernetes.schedules.manifest import resource_of, timing_fields
from djangotasks_api.names import WORKFLOW_KIND
from djangotasks_api.schedules.resource import scheduled
from djangotasks_api.schedules.timing import Timing

if TYPE_CHECKING:
    from django_tasks_kubernetes.workflows.result import WorkflowResult

# A clock that is set, or a machine that slept, is noticed after so long.
NAP: Final = timedelta(seconds=30)


def _now() -> datetime:
    return datetime.now(UTC)


def _sleep(duration: timedelta) -> None:
    time.sleep(duration.total_seconds())


def enqueue(
    schedule: Schedule, scheduled_for: datetime, *, name: str | None = None
) -> "TaskResult[..., Any] | WorkflowResult[Any]":
    """Enqueues the task or workflow of a schedule, by its backend. `name`: of the task, where the backend takes one; by
    default that of its time, of which there can be only one."""
    backend = task_backends[schedule.task.backend]
    if isinstance(backend, KubernetesBackend):
        spec = resource_of(schedule, "", backend.parsed_options)["spec"]
        return create(backend, scheduled(schedule.name, spec, scheduled_for, _now(), name=name))
    return schedule.task.enqueue(*schedule.args, **schedule.kwargs)


def create(backend: KubernetesBackend, resource: Resource) -> "TaskResult[..., Any] | WorkflowResult[Any]":
    """Creates what scheduled() has made."""
    if resource["kind"] != WORKFLOW_KIND:
        return backend.create(resource)
    workflows = backend.workflows
    return workflows.result_of(workflows.create(marked(resource)))


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule that is due, for a time."""

    schedule: Schedule
    at: datetime


@dataclass(frozen=True, slots=True)
class Beat:
    """Says which schedules are due, when they are. Of times that passed while it slept, the latest counts."""

    timings: Sequence[tuple[Schedule, Timing]]
    """Not by name: in two namespaces, two schedules may have one."""

    now: Callable[[], datetime] = field(default=_now)
    sleep: Callable[[timedelta], None] = field(default=_sleep)

    @classmethod
    def of(cls, schedules: Iterable[Schedule]) -> "Beat":
        """Raises InvalidCron and UnknownTimeZone."""
        return cls([(schedule, Timing.from_spec(dict(timing_fields(schedule)))) for schedule in schedules])

    def ticks(self) -> Iterator[Due]:
        """For ever, or until no schedule is due any more."""
        seen = self.now()
        while (upcoming := self._upcoming(seen)) is not None:
            while (wait := upcoming - self.now()) > timedelta():
                self.sleep(min(wait, NAP))
            until = max(self.now(), upcoming)
            due = [Due(schedule, at) for schedule, timing in self.timings for at in timing.last_before(until, 1, seen)]
            yield from sorted(due, key=lambda one: one.at)
            seen = until

    def _upcoming(self, after: datetime) -> datetime | None:
        times = (timing.next_after(after) for _, timing in self.timings)
        return min((at for at in times if at is not None), default=None)
