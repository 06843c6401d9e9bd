"""Django's @task with the options of this package, under every backend and in every Django that is supported.

    from django_tasks_kubernetes.decorators import task

    @task(queue_name="reports", retry=Retry(max_attempts=5), timeout=timedelta(minutes=10))
    def build(year: int) -> None: ...

Django's own decorator asks the backend in TASKS for the class of its tasks: Django's ImmediateBackend and DummyBackend
name one that has no such options, and Django 6.0 takes none at all. Under those backends the options have no effect.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Literal, Unpack, overload

from django.tasks import DEFAULT_TASK_BACKEND_ALIAS, DEFAULT_TASK_QUEUE_NAME, task_backends
from django.tasks.exceptions import InvalidTask

from django_tasks_kubernetes.enqueue.task_validation import validate_options
from django_tasks_kubernetes.task import OPTIONS, KubernetesTask, TaskOptions, unknown_options

if TYPE_CHECKING:
    from django_tasks_kubernetes.context import KubernetesTaskContext
    from django_tasks_kubernetes.task import TypedTask


@overload
def task[**P, R](
    function: "Callable[Concatenate[KubernetesTaskContext, P], R]",
    /,
    *,
    takes_context: Literal[True],
    priority: int = 0,
    queue_name: str = ...,
    backend: str = ...,
    **options: Unpack[TaskOptions],
) -> "TypedTask[P, R]": ...
@overload
def task[**P, R](
    function: Callable[P, R],
    /,
    *,
    takes_context: Literal[False] = False,
    priority: int = 0,
    queue_name: str = ...,
    backend: str = ...,
    **options: Unpack[TaskOptions],
) -> "TypedTask[P, R]": ...
@overload
def task[**P, R](
    *,
    takes_context: Literal[True],
    priority: int = 0,
    queue_name: str = ...,
    backend: str = ...,
    **options: Unpack[TaskOptions],
) -> "Callable[[Callable[Concatenate[KubernetesTaskContext, P], R]], TypedTask[P, R]]": ...
@overload
def task[**P, R](
    *,
    takes_context: Literal[False] = False,
    priority: int = 0,
    queue_name: str = ...,
    backend: str = ...,
    **options: Unpack[TaskOptions],
) -> "Callable[[Callable[P, R]], TypedTask[P, R]]": ...
def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    priority: int = 0,
    queue_name: str = DEFAULT_TASK_QUEUE_NAME,
    backend: str = DEFAULT_TASK_BACKEND_ALIAS,
    takes_context: bool = False,
    **options: Any,
) -> Any:
    """Make a task of a function, as Django's decorator of this name does.

    Raises TypeError for an option that does not exist, and InvalidTask for a value that no backend of this package
    would accept.
    """
    if unknown := options.keys() - set(OPTIONS):
        raise unknown_options(unknown)

    def decorate(function: Callable[..., Any]) -> KubernetesTask:
        made = class_for(backend)(
            func=function,
            priority=priority,
            queue_name=queue_name,
            backend=backend,
            takes_context=takes_context,
            **options,
        )
        validate_options(made)
        return made

    return decorate if function is None else decorate(function)


def class_for(alias: str) -> type[KubernetesTask]:
    """The class for the tasks of a backend: a Task of Django's that knows the options. Raises InvalidTask."""
    found = task_backends[alias].task_class
    if issubclass(found, KubernetesTask):
        return found
    if issubclass(KubernetesTask, found):
        return KubernetesTask
    raise InvalidTask(
        f"The backend TASKS[{alias!r}] has a task class of its own, {found.__module__}.{found.__qualname__}, and "
        "django_tasks_kubernetes.decorators.task makes another. Use Django's own decorator for this backend: from "
        "django.tasks import task."
    )
