"""The class of this backend's tasks: Django's Task, with options for Kubernetes.

@task(retry=Retry(max_attempts=5), timeout=timedelta(minutes=10))
def build(): ...

build.using(idempotency_key="report-2026-11").enqueue()

With Django's own @task from Django 6.1 on; with that of `decorators` under Django 6.0 too.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self, TypedDict, Unpack

from django.tasks import Task

from django_tasks_kubernetes.durations import Duration
from django_tasks_kubernetes.retry import Retry

# Generic for the stubs of Django, and not for Django: evaluated by type checkers alone.
type AnyTask = Task[..., Any]
# What of a pod's resources a task may ask for: {"memory": "2Gi"}, or {"requests": {…}, "limits": {…}}.
type ResourcesOption = Mapping[str, str | float | Mapping[str, str | float]]


class TaskOptions(TypedDict, total=False):
    """The options of a KubernetesTask, for type checkers."""

    retry: Retry | None
    timeout: Duration | None
    heartbeat_timeout: Duration | None
    grace_period: Duration | None
    start_timeout: Duration | None
    expires: Duration | datetime | None
    ttl: Duration | None
    resources: ResourcesOption | None
    node_selector: Mapping[str, str] | None
    idempotency_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesTask(Task):  # type: ignore[type-arg]  # generic for the stubs alone
    """A task and its options. None stands for the queue's value, and then for the default."""

    # Django 6.0 has these without defaults.
    priority: int = 0
    backend: str = "default"
    queue_name: str = "default"
    run_after: datetime | None = None

    retry: Retry | None = None
    """How often it is tried. Default: once."""

    timeout: Duration | None = None
    """How long one attempt may run. Default: no limit."""

    heartbeat_timeout: Duration | None = None
    """How long a running attempt may call neither progress() nor heartbeat() of its context. Default: no limit."""

    grace_period: Duration | None = None
    """The time for cleaning up between SIGTERM and SIGKILL. Default: the pod template's, or 30 s."""

    start_timeout: Duration | None = None
    """How long its pod may take to start. Default: 300 s."""

    expires: Duration | datetime | None = None
    """A task that has not started by then, or so long after enqueue(), fails with the reason Expired."""

    ttl: Duration | None = None
    """How long the finished task is kept, with its result. Default: one day."""

    resources: ResourcesOption | None = None
    """CPU and memory of its container, where the queue allows it."""

    node_selector: Mapping[str, str] | None = None
    """Labels that its node must have, where the queue allows it."""

    idempotency_key: str | None = None
    """While a task with the same key is known, enqueue() returns its result, and creates nothing."""

    def __new__(cls, **given: Any) -> Self:
        """Raises TypeError for an option that does not exist, also in Django's own @task, and names those that do."""
        if unknown := given.keys() - FIELDS:
            raise unknown_options(unknown)
        return object.__new__(cls)

    def using(self, **changes: Any) -> Self:
        """A task with other options. As with Django's own, None leaves an option as it is."""
        unknown = changes.keys() - CHANGEABLE
        if unknown:
            names = ", ".join(sorted(unknown))
            raise TypeError(f"using() has no option {names}. There are: {', '.join(sorted(CHANGEABLE))}.")
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


if TYPE_CHECKING:

    class TypedTask[**P, R](Task[P, R]):
        """A KubernetesTask as type checkers see it: it knows its options, and its function's parameters."""

        def using(
            self,
            *,
            priority: int | None = None,
            queue_name: str | None = None,
            run_after: datetime | None = None,
            backend: str | None = None,
            **options: Unpack[TaskOptions],
        ) -> "TypedTask[P, R]": ...


OPTIONS: Final = tuple(
    field.name for field in fields(KubernetesTask) if field.name not in {f.name for f in fields(Task)}
)
CHANGEABLE: Final = {"priority", "queue_name", "run_after", "backend", *OPTIONS}
FIELDS: Final = {field.name for field in fields(KubernetesTask)}


def unknown_options(names: Iterable[str]) -> TypeError:
    """What @task raises for options that it does not have."""
    known = sorted({"priority", "queue_name", "backend", "takes_context", *OPTIONS})
    return TypeError(f"@task has no option {', '.join(sorted(names))}. There are: {', '.join(known)}.")


def options_of(task: Any) -> dict[str, Any]:
    """The options that are set. None for a task that was made for another backend, and used with this one."""
    return {name: value for name in OPTIONS if (value := getattr(task, name, None)) is not None}


def replace_unvalidated(task: AnyTask, **changes: Any) -> AnyTask:
    """A copy with other values, not validated again, unlike with `task.using()`.

    What was enqueued stays readable and runnable when the settings have changed since, such as when its queue is gone
    from QUEUES.
    """
    copy: AnyTask = object.__new__(type(task))
    for field in fields(task):
        object.__setattr__(copy, field.name, changes.get(field.name, getattr(task, field.name)))
    return copy


def is_workflow(found: object) -> bool:
    """Whether it was made by @workflow."""
    # Task pods need not import it, where nothing else has.
    module = sys.modules.get("django_tasks_kubernetes.workflows.declare")
    return module is not None and isinstance(found, module.Workflow)
