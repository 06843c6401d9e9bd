"""The decorator @workflow, and what it makes of a function."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, isroutine
from typing import TYPE_CHECKING, Any, Final, cast, overload

from django.tasks import DEFAULT_TASK_BACKEND_ALIAS, DEFAULT_TASK_QUEUE_NAME, Task, task_backends
from django.tasks.exceptions import InvalidTask

from django_tasks_kubernetes.arguments import accept_arguments
from django_tasks_kubernetes.codec import json_text
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.durations import Duration, seconds
from django_tasks_kubernetes.enqueue.validation import queue_problem
from django_tasks_kubernetes.exceptions import PayloadTooLarge
from django_tasks_kubernetes.workflows.drawing import current_drawing, drawing
from django_tasks_kubernetes.workflows.later import extracted
from djangotasks_api.bounds import IDEMPOTENCY_KEY_MAX_CHARS, PRIORITY, TIMEOUT_SECONDS, TTL_SECONDS
from djangotasks_api.workflow.bounds import MAX_PARALLEL, STEP_PAYLOAD_MAX_BYTES, WORKFLOW_SPEC_MAX_BYTES
from djangotasks_api.workflow.graph import InvalidGraph
from djangotasks_api.workflow.plan import graph_of

if TYPE_CHECKING:
    from django_tasks_kubernetes.workflows.result import WorkflowResult
    from djangotasks_api.number_range import Range

CHANGEABLE: Final = {
    "priority", "queue_name", "backend", "timeout", "ttl", "max_parallel", "idempotency_key",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow[**P, R]:
    """A function with @workflow."""

    func: Callable[P, R] = field(repr=False)
    """Draws the graph. Called by enqueue(), once."""
    module_path: str
    """For people: no other process imports it."""

    queue_name: str = DEFAULT_TASK_QUEUE_NAME
    """Of a task without a queue of its own: each step's task has one, so this is for lists and limits alone."""
    backend: str = DEFAULT_TASK_BACKEND_ALIAS
    priority: int = 0
    timeout: Duration | None = None
    """How long the whole may take. Default: no limit."""
    ttl: Duration | None = None
    """How long the finished workflow is kept, with its tasks. Default: one day."""
    max_parallel: int | None = None
    """How many of its tasks may be unfinished at once. Default, and most: 200."""
    idempotency_key: str | None = None
    """While a workflow of the same function with the same key is known, or a chain or a group of the same tasks,
    enqueue() returns its result, and creates nothing."""

    def __post_init__(self) -> None:
        """Raises TypeError or ValueError for options."""
        self._options()

    def using(self, **changes: Any) -> "Workflow[P, R]":
        """A workflow with other options. None leaves an option as it is."""
        if unknown := changes.keys() - CHANGEABLE:
            names = ", ".join(sorted(unknown))
            raise TypeError(f"using() has no option {names}. There are: {', '.join(sorted(CHANGEABLE))}.")
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Within another workflow: draw its steps into that one, and return what stands for its result."""
        if current_drawing() is None:
            raise TypeError(f"{self.module_path} is a workflow: use its enqueue(), or call it within another workflow.")
        return self.func(*args, **kwargs)

    def draw(self, *args: P.args, **kwargs: P.kwargs) -> Resource:
        """The spec of the DjangoTaskWorkflow. Calls the function.

        Raises what that raises; TypeError for arguments that it does not take; InvalidTask where it draws no graph that
        can run; PayloadTooLarge; TypeError or ValueError for what is not JSON.
        """
        what = self.module_path or "a chain or a group"
        accept_arguments(self.func, what, args, kwargs)
        with drawing(self.backend) as found:
            returned = self.func(*args, **kwargs)
        for name in found.uncalled.values():
            words = f"{what}: step({name}) was not called, and draws nothing. Call it: step({name})(…)."
            warnings.warn(words, RuntimeWarning, stacklevel=2)
        if not found.steps:
            raise InvalidTask(f"{what} draws no step: call step() or each() in it.")
        spec: Resource = {
            "workflow": self.module_path,
            "backend": self.backend,
            "queue": self.queue_name,
            **self._options(),
            "steps": [_without_inherited(step, self.queue_name) for step in found.steps.values()],
        }
        if found.lists:
            spec["lists"] = found.lists
        if returned is not None:
            value, inputs = extracted(returned, "the result", found)
            text = json_text.dumps(value, name="the result")
            if len(text) > STEP_PAYLOAD_MAX_BYTES:
                raise PayloadTooLarge(
                    f"The result of {what} takes {len(text):,} bytes as JSON, without those of its steps, and "
                    f"{STEP_PAYLOAD_MAX_BYTES:,} are allowed. Let a step return what is large."
                )
            spec["output"] = {"value": text, "inputs": inputs}
        try:
            graph_of(spec, found.lengths)
        except InvalidGraph as error:
            raise InvalidTask(f"{what} draws no graph that can run: {error}.") from error
        # Of texts that are JSON: they need not be compared with what comes back.
        if (size := len(json_text.dumps(spec, name="the workflow", exact_keys=False))) > WORKFLOW_SPEC_MAX_BYTES:
            raise PayloadTooLarge(
                f"The workflow {self.module_path} takes {size:,} bytes as JSON, and {WORKFLOW_SPEC_MAX_BYTES:,} are "
                "allowed. Pass primary keys or file names, or draw fewer steps."
            )
        return spec

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> "WorkflowResult[R]":
        """Draws the graph, and creates the workflow. Raises as draw() does, and as a task's enqueue()."""
        return cast("WorkflowResult[R]", self._backend().enqueue_workflow(self, args, kwargs))

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> "WorkflowResult[R]":
        """See enqueue()."""
        return cast("WorkflowResult[R]", await self._backend().aenqueue_workflow(self, args, kwargs))

    def as_result(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What a task returns to go on as this workflow: `return report.as_result(2026)`. The result of the workflow is
        then that of the task, which ends with it.

        Draws the graph, and raises as draw() does. The queue of the task must allow it: returnedWorkflows.
        """
        if current_drawing() is not None:
            raise TypeError(f"Within a workflow call {self.module_path or 'step()'}(…): as_result() is for tasks.")
        return cast("R", self._backend().workflows.to_return(self, args, kwargs))

    def _backend(self) -> Any:
        backend = task_backends[self.backend]
        if not hasattr(backend, "enqueue_workflow"):
            raise InvalidTask(
                f"The backend {self.backend!r} is {type(backend).__qualname__}, which runs no workflows. "
                "KubernetesBackend does, and without a cluster LocalBackend."
            )
        # The default is no wish: steps have queues of their own.
        if self.queue_name != DEFAULT_TASK_QUEUE_NAME and (problem := queue_problem(self.queue_name, backend)):
            raise InvalidTask(problem)
        return backend

    def _options(self) -> Resource:
        found: Resource = {}
        policy = {
            field: int(seconds(name, value, least=bounds.least, most=bounds.most, whole=True))
            for name, field, bounds, value in (
                ("timeout", "timeoutSeconds", TIMEOUT_SECONDS, self.timeout),
                ("ttl", "ttlSecondsAfterFinished", TTL_SECONDS, self.ttl),
            )
            if value is not None
        }
        if policy:
            found["policy"] = policy
        numbers: tuple[tuple[str, str, Range, Any], ...] = (
            ("priority", "priority", PRIORITY, self.priority or None),
            ("max_parallel", "maxParallel", MAX_PARALLEL, self.max_parallel),
        )
        for name, field_name, bounds, number in numbers:
            if number is not None:
                if isinstance(number, bool) or not isinstance(number, int) or number not in bounds:
                    raise ValueError(f"{name} must be a whole number {bounds}, not {number!r}.")
                found[field_name] = number
        key: Any = self.idempotency_key
        if key is not None:
            if not isinstance(key, str) or not 0 < len(key) <= IDEMPOTENCY_KEY_MAX_CHARS:
                raise ValueError(f"idempotency_key must be a text of 1 to {IDEMPOTENCY_KEY_MAX_CHARS} characters.")
            found["idempotencyKey"] = key
        return found


def _without_inherited(step: Resource, queue: str) -> Resource:
    """The step, without what it has of the workflow in any case: a graph is stored as a whole, each time."""
    return {name: value for name, value in step.items() if name != "queue" or value != queue}


@overload
def workflow[**P, R](function: Callable[P, R], /) -> Workflow[P, R]: ...
@overload
def workflow[**P, R](
    *,
    backend: str = ...,
    queue_name: str = ...,
    priority: int = 0,
    timeout: Duration | None = None,
    ttl: Duration | None = None,
    max_parallel: int | None = None,
) -> Callable[[Callable[P, R]], Workflow[P, R]]: ...
def workflow(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a workflow of a function that draws it with step() and each(). Plain `if` and `for` over its arguments are
    welcome; the results of steps are known only when it runs."""
    known = CHANGEABLE - {"idempotency_key"}
    if unknown := options.keys() - known:
        names = ", ".join(sorted(unknown))
        raise TypeError(f"@workflow has no option {names}. There are: {', '.join(sorted(known))}.")

    def make(function: Callable[..., Any]) -> Workflow[..., Any]:
        check_function(function)
        return Workflow(func=function, module_path=f"{function.__module__}.{function.__qualname__}", **options)

    return make if function is None else make(function)


def check_function(function: Any) -> None:
    """Raises TypeError for what cannot draw a workflow."""
    if isinstance(function, Task):
        raise TypeError(f"{function.module_path} is a task, and @workflow is for a plain function: take @task away.")
    if not isroutine(function):
        raise TypeError(f"@workflow is for a function that draws with step() and each(), not for {function!r}.")
    if iscoroutinefunction(function) or isgeneratorfunction(function) or isasyncgenfunction(function):
        raise TypeError(
            f"{function.__module__}.{function.__qualname__} cannot draw a workflow: it needs no async and no yield, "
            "since step() and each() run nothing."
        )
