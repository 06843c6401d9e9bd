"""Many tasks at once: with bounded concurrency, and a report of what was not accepted."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.task_types import AnyResult, AnyTask

# More does not make the API server faster, and is unfair to others.
CONCURRENCY: Final = 16
CONCURRENCY_MAX: Final = 64
# Not a task's own fault: the next one would meet the same.
SYSTEMIC: Final = (
    e.ApiUnavailable,
    e.ClusterNotConfigured,
    e.NotAuthenticated,
    e.PermissionDenied,
    e.CrdNotInstalled,
    e.NamespaceNotFound,
)

# A task with its arguments: (task,), (task, args) or (task, args, kwargs).
type Call = tuple[AnyTask] | tuple[AnyTask, Sequence[Any]] | tuple[AnyTask, Sequence[Any], Mapping[str, Any]]
type Failure = tuple[int, Exception]


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """`index`: of the call, from 0. After an ApiUnavailable the task may exist all the same."""

    index: int
    call: Call
    error: Exception


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What became of each call. `results`: by the index of the call, None for what was not accepted."""

    results: list[AnyResult | None] = field(default_factory=list)
    not_accepted: list[NotAccepted] = field(default_factory=list)

    @property
    def accepted(self) -> list[AnyResult]:
        return [result for result in self.results if result is not None]

    def raise_for_not_accepted(self) -> None:
        """Raises an ExceptionGroup of the errors, if there are any."""
        if self.not_accepted:
            number, of = len(self.not_accepted), len(self.results)
            raise ExceptionGroup(
                f"{number:,} of {of:,} tasks were not accepted", [failure.error for failure in self.not_accepted]
            )


def unpack(call: Call) -> tuple[AnyTask, Sequence[Any], Mapping[str, Any]]:
    match call:
        case (task,):
            return task, (), {}
        case (task, args):
            return task, args, {}
        case (task, args, kwargs):
            return task, args, kwargs
        case _:
            raise TypeError(f"A call is (task,), (task, args) or (task, args, kwargs), not {call!r}.")


def create_all[T](
    create_one: Callable[[T], Resource | None], items: Iterable[T], concurrency: int = CONCURRENCY
) -> tuple[dict[int, Resource | None], list[Failure]]:
    """Creates them, so many at once, each as Store.create() does. What that gave by index, and the failures.

    After an error that says that the cluster takes none, what is left is not tried: it fails with the same error.
    """
    done: dict[int, Resource | None] = {}
    failed: list[Failure] = []
    stopped: list[Exception] = []

    def create(item: T) -> Resource | None:
        if stopped:
            raise stopped[0]
        try:
            return create_one(item)
        except SYSTEMIC as error:
            stopped.append(error)
            raise

    def collect(index: int, future: "Future[Resource | None]") -> None:
        try:
            done[index] = future.result()
        except Exception as error:  # noqa: BLE001 - one task's error is in the report, and no other's
            failed.append((index, error))

    with ThreadPoolExecutor(concurrency, thread_name_prefix="enqueue_many") as pool:
        waiting: deque[tuple[int, Future[Resource | None]]] = deque()
        source = enumerate(items)
        while True:
            # A few ahead, so that no thread waits; not all, so that a generator of many need not be held in memory.
            for index, item in islice(source, 4 * concurrency - len(waiting)):
                waiting.append((index, pool.submit(create, item)))
            if not waiting:
                return done, failed
            collect(*waiting.popleft())
