"""Workflows without a function: chains and groups of calls."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, overload

from django.tasks import Task

from django_tasks_kubernetes.task import AnyTask
from django_tasks_kubernetes.workflows.declare import Workflow
from django_tasks_kubernetes.workflows.steps import step

if TYPE_CHECKING:
    from collections.abc import Coroutine

NESTED: Final = "What is nested is drawn by a function with @workflow."


@dataclass(frozen=True, slots=True)
class Call[R]:
    """A task with arguments, whose result is R."""

    task: AnyTask
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def draw(self, *first: Any) -> Any:
        return step(self.task)(*first, *self.args, **self.kwargs)


@overload
def call[R](task: "Task[..., Coroutine[Any, Any, R]]", /, *args: Any, **kwargs: Any) -> Call[R]: ...
@overload
def call[R](task: "Task[..., R]", /, *args: Any, **kwargs: Any) -> Call[R]: ...
def call(task: Any, /, *args: Any, **kwargs: Any) -> Call[Any]:
    """A task with arguments, for chain() and group(). Within a chain, without the first of them: so their types are
    checked where the workflow runs."""
    if not isinstance(task, Task):
        raise TypeError(f"call() takes a task, which {task!r} is not: decorate the function with @task. {NESTED}")
    return Call(task, args, kwargs)


@overload
def chain[R](last: Call[R], /) -> Workflow[[], R]: ...
@overload
def chain[R](first: Call[Any], last: Call[R], /) -> Workflow[[], R]: ...
@overload
def chain[R](first: Call[Any], second: Call[Any], last: Call[R], /) -> Workflow[[], R]: ...
@overload
def chain[R](first: Call[Any], second: Call[Any], third: Call[Any], last: Call[R], /) -> Workflow[[], R]: ...
@overload
def chain(first: Call[Any], /, *others: Call[Any]) -> Workflow[[], Any]: ...
def chain(first: Call[Any], /, *others: Call[Any]) -> Workflow[[], Any]:
    """A workflow of calls one after the other: each gets the result of the one before it as its first argument."""
    _check_calls("chain", (first, *others))

    def draw() -> Any:
        found = first.draw()
        for one in others:
            found = one.draw(found)
        return found

    return Workflow(func=draw, module_path="", backend=first.task.backend, queue_name=first.task.queue_name)


def group[R](*calls: Call[R]) -> Workflow[[], list[R]]:
    """A workflow of calls beside each other. Its result is the list of theirs."""
    if not calls:
        raise ValueError("group() needs a call. For a list that may be empty, use each() in a @workflow.")
    _check_calls("group", calls)

    def draw() -> list[R]:
        return [one.draw() for one in calls]

    first = calls[0].task
    return Workflow(func=draw, module_path="", backend=first.backend, queue_name=first.queue_name)


def _check_calls(function: str, calls: tuple[Any, ...]) -> None:
    for one in calls:
        if not isinstance(one, Call):
            raise TypeError(f"{function}() takes calls, such as call(task, 1), not {type(one).__name__}. {NESTED}")
