"""step() and each(): they draw a step of the workflow whose function runs. No I/O."""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from django.tasks import Task

from django_tasks_kubernetes.codec.task_options import to_spec
from django_tasks_kubernetes.task import options_of
from django_tasks_kubernetes.workflows.declare import Workflow
from django_tasks_kubernetes.workflows.drawing import draw, required_drawing
from django_tasks_kubernetes.workflows.later import Later, found_in
from djangotasks_api.bounds import CHUNK
from djangotasks_api.number_range import Range
from djangotasks_api.workflow.bounds import MAX_FAILED_INDEXES, MAX_PARALLEL, WORKFLOW_TASKS_MAX
from djangotasks_api.workflow.graph import KeepTasks, Runs

if TYPE_CHECKING:
    type After = Any
    """The result of a step, or several of them."""

type Keep = Literal["always", "on_failure", "never"]
# The same as the resource has it.
KEEP: Final = dict(zip(Keep.__value__.__args__, KeepTasks, strict=True))
# Options of a task that a step cannot have: the workflow decides when its tasks run, and names them.
NOT_OF_STEPS: Final = {
    "idempotency_key": "a step has no idempotency_key: give it to the workflow.",
    "expires": "a step has no expires: its workflow says when it runs. Give the workflow a timeout.",
    "ttl": "a step has no ttl: its tasks are kept as long as the workflow. Give that a ttl.",
}


@overload
def step[**P, R](
    task: "Task[P, Coroutine[Any, Any, R]]",
    /,
    *,
    after: "After" = (),
    runs: Runs = ...,
    allow_failure: bool = False,
    keep: Keep = ...,
    name: str | None = None,
) -> Callable[P, R]: ...
@overload
def step[**P, R](
    task: "Task[P, R]",
    /,
    *,
    after: "After" = (),
    runs: Runs = ...,
    allow_failure: bool = False,
    keep: Keep = ...,
    name: str | None = None,
) -> Callable[P, R]: ...
def step(
    task: Any,
    /,
    *,
    after: Any = (),
    runs: Runs = Runs.ON_SUCCESS,
    allow_failure: bool = False,
    keep: Any = "always",
    name: str | None = None,
) -> Any:
    """A step that calls a task: `rows = step(extract)(2026)`. What it returns stands for the result, and may be an
    argument of other steps, or a part of one; `rows["total"]` stands for a part of it.

    `after`: results of steps that must be over before, whatever they return. `runs`: ON_FAILURE where one of those that
    it needs failed, ALWAYS however they ended. `allow_failure`: a failure counts as success, with the result None.
    `keep`: how long its task is kept: "always", as long as the workflow; "on_failure" or "never", not once it is over
    and no step takes its result any more. `name`: at most 14 characters; by default the function's, cut. Options of the
    task are those of `task.using()`.

    Raises RuntimeError outside of a function with @workflow, and TypeError or ValueError.
    """
    common = _common(task, after, runs, allow_failure=allow_failure, keep=keep)
    uncalled = required_drawing().uncalled

    def call(*args: Any, **kwargs: Any) -> Later:
        uncalled.pop(call, None)
        return draw(task, name, args, kwargs, common)

    uncalled[call] = task.func.__name__
    return call


@overload
def each[T, R](
    task: "Task[[T], Coroutine[Any, Any, R]]",
    items: Iterable[T],
    /,
    *,
    chunk: int | None = None,
    max_parallel: int | None = None,
    max_failed: int = 0,
    fail_fast: bool = False,
    after: "After" = (),
    runs: Runs = ...,
    allow_failure: bool = False,
    keep: Keep = ...,
    name: str | None = None,
) -> list[R]: ...
@overload
def each[T, R](
    task: "Task[[T], R]",
    items: Iterable[T],
    /,
    *,
    chunk: int | None = None,
    max_parallel: int | None = None,
    max_failed: int = 0,
    fail_fast: bool = False,
    after: "After" = (),
    runs: Runs = ...,
    allow_failure: bool = False,
    keep: Keep = ...,
    name: str | None = None,
) -> list[R]: ...
@overload
def each[R](
    task: "Task[..., R]",
    items: Iterable[Any],
    /,
    *more: Any,
    kwargs: Mapping[str, Any] | None = None,
    chunk: int | None = None,
    max_parallel: int | None = None,
    max_failed: int = 0,
    fail_fast: bool = False,
    after: "After" = (),
    runs: Runs = ...,
    allow_failure: bool = False,
    keep: Keep = ...,
    name: str | None = None,
) -> list[R]: ...
def each(
    task: Any,
    items: Any,
    /,
    *more: Any,
    kwargs: Mapping[str, Any] | None = None,
    chunk: int | None = None,
    max_parallel: int | None = None,
    max_failed: int = 0,
    fail_fast: bool = False,
    after: Any = (),
    runs: Runs = Runs.ON_SUCCESS,
    allow_failure: bool = False,
    keep: Any = "always",
    name: str | None = None,
) -> Any:
    """A step with one task for each item: of a list, of the result of a step, or of another each(), whose items it
    follows one by one. What it returns stands for the list of all results, in order, with None for what failed.

    `more`, `kwargs`: further arguments, the same for each. `chunk`: one task calls the function for so many items, one
    after the other; all else that is said of items stays as it is. `max_parallel`: how many tasks may be unfinished at
    once. `max_failed`: how many items may fail before the step has failed. `fail_fast`: begin no more once too many
    have.
    The rest is as in step(), which says what is raised.
    """
    common = _common(task, after, runs, allow_failure=allow_failure, keep=keep)
    if max_parallel is not None:
        common["maxParallel"] = _whole("max_parallel", max_parallel, MAX_PARALLEL)
    if max_failed:
        common["maxFailedIndexes"] = _whole("max_failed", max_failed, MAX_FAILED_INDEXES)
    if fail_fast:
        common["failFast"] = True
    source = _source(items)
    if chunk is not None:
        source["chunk"] = _whole("chunk", chunk, CHUNK)
    return draw(task, name, (None, *more), kwargs or {}, common, source)


def _common(task: Any, after: Any, runs: Runs, *, allow_failure: bool, keep: Any) -> dict[str, Any]:
    """What step() and each() have in common."""
    _check_task(task, required_drawing().backend)
    options = options_of(task)
    made: dict[str, Any] = {"queue": task.queue_name, **to_spec(options, datetime.now().astimezone())}
    if task.priority:
        made["priority"] = int(task.priority)
    if names := list(dict.fromkeys(_names(after))):
        made["after"] = names
    if runs not in list(Runs):
        raise ValueError(f"runs must be ON_SUCCESS, ON_FAILURE or ALWAYS, not {runs!r}.")
    if runs != Runs.ON_SUCCESS:
        made["runs"] = Runs(runs).value
    if allow_failure:
        made["allowFailure"] = True
    if keep not in KEEP:
        raise ValueError(f"keep must be one of {', '.join(KEEP)}, not {keep!r}.")
    if keep != "always":
        made["keepTasks"] = KEEP[keep].value
    return made


def _check_task(task: Any, backend: str) -> None:
    """Raises TypeError or ValueError for what is no task, or has options that a step cannot have."""
    if isinstance(task, Workflow):
        raise TypeError(
            f"A step is made of a task, and {task.module_path or 'a chain or a group'} is a workflow. Call it, to have "
            "its steps in this one; or let a task return it: as_result()."
        )
    if not isinstance(task, Task):
        raise TypeError(f"A step is made of a task, which {task!r} is not: decorate the function with @task.")
    if task.backend != backend:
        raise ValueError(
            f"{task.module_path} has the backend {task.backend!r}, and its workflow {backend!r}: all tasks of a "
            "workflow have its backend."
        )
    if task.run_after is not None:
        raise ValueError(f"{task.module_path}: a step has no run_after: its workflow says when it runs.")
    options = options_of(task)
    for option, words in NOT_OF_STEPS.items():
        if option in options:
            raise ValueError(f"{task.module_path}: {words}")


def _names(after: Any) -> Iterator[str]:
    for part in after if isinstance(after, (list, tuple)) else [after]:
        names: list[str] = []
        for later in found_in(part):
            later.check_home(required_drawing())
            names.append(later.step)
        if not names:
            raise TypeError(f"after must be what step() and each() return, or a list of these, not {part!r}.")
        yield from names


def _source(items: Any) -> dict[str, Any]:
    if isinstance(items, Later):
        items.check_home(required_drawing())
        if items.way:
            raise TypeError(f"each() cannot map over {items!r}, a part of a result. Return the list from a step.")
        return {"each": items.step} if items.is_map else {"over": items.step}
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Iterable):
        raise TypeError(f"each() maps over a list, not over {type(items).__name__}.")
    if isinstance(items, (set, frozenset)):
        raise TypeError("each() maps over a list, not over a set, which has no order: sorted(…) gives it one.")
    listed = list(islice(items, WORKFLOW_TASKS_MAX + 1))
    if len(listed) > WORKFLOW_TASKS_MAX:
        raise ValueError(f"each() got more than {WORKFLOW_TASKS_MAX:,} items.")
    with suppress(RecursionError):  # which is said when they become JSON
        if any(True for _ in found_in(listed)):
            raise TypeError(
                "each() maps over values, or over the result of one step. For results of several, use step()."
            )
    return {"items": listed}


def _whole(name: str, value: Any, bounds: Range) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in bounds:
        raise ValueError(f"{name} must be a whole number {bounds}, not {value!r}.")
    return value
