"""The class of this backend's tasks: Django's Task, and the options that Kubernetes has an answer to.

@task(retry=Retry(max_attempts=5), timeout=timedelta(minutes=10))      # Django 6.1
def build(): ...

build.using(idempotency_key="report-2026-11").enqueue()                # Django 6.0 as well
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final, Self

from django.tasks import Task
from django.tasks.exceptions import InvalidTask

from django_tasks_kubernetes.durations import Duration
from django_tasks_kubernetes.policy import policy_problem
from django_tasks_kubernetes.retry import Retry

# What of a pod's resources a task may ask for: {"memory": "2Gi"}, or {"requests": {…}, "limits": {…}}.
type ResourcesOption = Mapping[str, str | float | Mapping[str, str | float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesTask(Task):  # type: ignore[type-arg]  # generic for the stubs alone
    """None: what the queue says, and then the default."""

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
    """How long it may clean up between SIGTERM and SIGKILL. Default: the pod template's, or 30 s."""

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

    def using(self, **changes: Any) -> Self:
        """A task with other options. As with Django's own, None leaves an option as it is."""
        unknown = changes.keys() - CHANGEABLE
        if unknown:
            names = ", ".join(sorted(unknown))
            raise TypeError(f"using() has no option {names}. There are: {', '.join(sorted(CHANGEABLE))}.")
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


OPTIONS: Final = tuple(
    field.name for field in fields(KubernetesTask) if field.name not in {f.name for f in fields(Task)}
)
CHANGEABLE: Final = {"priority", "queue_name", "run_after", "backend", *OPTIONS}


def options_of(task: Any) -> dict[str, Any]:
    """The options that are set. None for a task that was made for another backend, and used with this one."""
    return {name: value for name in OPTIONS if (value := getattr(task, name, None)) is not None}


def validate_options(task: Any) -> None:
    """Raises InvalidTask. Called when the module with the task is imported, and by enqueue()."""
    options = options_of(task)
    problem = policy_problem(options)
    if problem is None and "heartbeat_timeout" in options and not task.takes_context:
        problem = (
            "heartbeat_timeout needs takes_context=True, since the task gives its signs of life by progress() or "
            "heartbeat() of its context. To limit how long it runs there is timeout."
        )
    if problem:
        raise InvalidTask(f"Task {task.func.__qualname__}: {problem}")
