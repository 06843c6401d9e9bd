"""Django's Task and this backend's results: names for their types, and changed copies."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from django.tasks import Task

if TYPE_CHECKING:
    from django_tasks_kubernetes.results import KubernetesResult

# Generic for the stubs of Django, and not for Django: evaluated by type checkers alone.
type AnyTask = Task[..., Any]
type AnyResult = KubernetesResult


def changed(task: AnyTask, **changes: Any) -> AnyTask:
    """A copy with other values, not validated again, unlike with `task.using()`.

    What was enqueued stays readable and runnable when the settings have changed since, such as when its queue is gone
    from QUEUES.
    """
    copy: AnyTask = object.__new__(type(task))
    for field in fields(task):
        object.__setattr__(copy, field.name, changes.get(field.name, getattr(task, field.name)))
    return copy
