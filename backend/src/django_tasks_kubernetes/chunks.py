"""Many small calls of a task, so many in one container.

from django_tasks_kubernetes.chunks import enqueue_chunks

results = enqueue_chunks(resize, image_ids, size=100)
results.wait()
thumbnails = results.return_values   # one for each item, in order
again = results.retry()              # of the items that failed alone
"""

import json
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, cast, overload

from asgiref.sync import sync_to_async
from django.tasks import TaskResultStatus
from django.tasks.base import TaskError
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
from django.utils.asyncio import async_unsafe

from django_tasks_kubernetes.codec.task_error import KubernetesTaskError
from django_tasks_kubernetes.durations import Duration, seconds
from django_tasks_kubernetes.exceptions import ChunksNotAccepted, ItemsFailed, NotFinished
from django_tasks_kubernetes.result import KubernetesResult
from djangotasks_api.bounds import SECONDS_PER_YEAR

if TYPE_CHECKING:
    from django.tasks import Task

SIZE: Final = 100


class Source(Protocol):
    """Where chunks are: a backend."""

    def get_chunks(self, ids: Iterable[str]) -> "ChunkResults[Any]": ...

    def retry_items(self, result_id: str, positions: Sequence[int]) -> KubernetesResult: ...

    def cancel(self, result_id: str, reason: str = "") -> KubernetesResult: ...


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item that failed, or did not run since its chunk could not."""

    index: int
    """Its position among all items."""
    item: Any
    error: TaskError


@overload
def enqueue_chunks[T, R](
    task: "Task[[T], Coroutine[Any, Any, R]]", items: Iterable[T], /, *, size: int = SIZE
) -> "ChunkResults[R]": ...
@overload
def enqueue_chunks[T, R](task: "Task[[T], R]", items: Iterable[T], /, *, size: int = SIZE) -> "ChunkResults[R]": ...
@overload
def enqueue_chunks[R](
    task: "Task[..., R]", items: Iterable[Any], /, *more: Any, kwargs: Mapping[str, Any] | None = None, size: int = SIZE
) -> "ChunkResults[R]": ...
def enqueue_chunks(
    task: Any, items: Any, /, *more: Any, kwargs: Mapping[str, Any] | None = None, size: int = SIZE
) -> Any:
    """Enqueue a call for each item, which is its first argument: `size` of them are one task, and run in one container,
    one after the other. An item that fails keeps none of the others from running.

    `more`, `kwargs`: further arguments, the same for each. The options of the task hold for each chunk; with `retry`,
    the next attempt runs the items that failed alone.

    Raises as enqueue() does, before anything is created; and ChunksNotAccepted where some of the chunks were not.
    """
    return _method(task, "enqueue_chunks")(task, items, more, kwargs or {}, size=size)


async def aenqueue_chunks[R](
    task: "Task[..., R]", items: Iterable[Any], /, *more: Any, kwargs: Mapping[str, Any] | None = None, size: int = SIZE
) -> "ChunkResults[R]":
    """See enqueue_chunks()."""
    return cast("ChunkResults[R]", await _method(task, "aenqueue_chunks")(task, items, more, kwargs or {}, size=size))


class ChunkResults[R](Sequence[KubernetesResult]):
    """The results of chunks, as they were when they were read; each is that of a task. What is said of items is said of
    all of them in one list."""

    def __init__(self, source: Source, results: Sequence[KubernetesResult]) -> None:
        self._source = source
        self._results = list(results)

    def __repr__(self) -> str:
        return f"<ChunkResults: {len(self)} chunks of {self.total:,} items>"

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, index: int) -> KubernetesResult: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[KubernetesResult]: ...
    def __getitem__(self, index: int | slice) -> KubernetesResult | Sequence[KubernetesResult]:
        return self._results[index]

    @property
    def ids(self) -> list[str]:
        """Of the chunks, for get_chunks() of the backend."""
        return [result.id for result in self._results]

    @property
    def total(self) -> int:
        """How many items there are."""
        return sum(map(_size, self._results))

    @property
    def is_finished(self) -> bool:
        """Whether all chunks are over."""
        return all(result.is_finished for result in self._results)

    @property
    def return_values(self) -> list[R | None]:
        """What each item has returned, in the order of the items; None for one that failed, or has not run yet. Raises
        StorageFailed where results are in a storage, and cannot be had from there."""
        return [value for result in self._results for value in _values(result)]

    @property
    def failed(self) -> list[FailedItem]:
        """The items that did not succeed, of the chunks that are over. Raises StorageFailed where items are in a
        storage, and cannot be had from there."""
        return list(self._failures())

    def refresh(self) -> None:
        """Read the chunks again that were not over: an end never changes, and what was read of it outlives the task.
        Raises as get_result() does."""
        unfinished = [result.id for result in self._results if not result.is_finished]
        fresh = {result.id: result for result in self._source.get_chunks(unfinished)}
        self._results = [fresh.get(result.id, result) for result in self._results]

    async def arefresh(self) -> None:
        """See refresh()."""
        await sync_to_async(self.refresh, thread_sensitive=True)()

    @async_unsafe("This would block the event loop. Use await results.await_() or aget().")
    def wait(self, timeout: Duration | None = None) -> "ChunkResults[R]":
        """Waits until all chunks are over, and returns these results, refreshed. `timeout`: None for no limit. Raises
        as wait() of a result does."""
        left = _countdown(timeout)
        for result in self._results:
            result.wait(left())
        return self

    async def await_(self, timeout: Duration | None = None) -> "ChunkResults[R]":  # noqa: ASYNC109 - as wait()
        """See wait(). No thread waits."""
        left = _countdown(timeout)
        for result in self._results:
            await result.await_(left())
        return self

    def get(self, timeout: Duration | None = None) -> list[R]:
        """Waits, and returns what each item has returned, in the order of the items. Raises ItemsFailed where one did
        not succeed, and as wait() does."""
        return self.wait(timeout)._all()

    async def aget(self, timeout: Duration | None = None) -> list[R]:  # noqa: ASYNC109 - as get()
        """See get()."""
        await self.await_(timeout)
        return await sync_to_async(self._all, thread_sensitive=False)()

    def retry(self) -> "ChunkResults[R]":
        """Enqueues the items that did not succeed once more, at once, and no others: for each chunk that has some, one
        with these. Returns the results of the new chunks, whose items are counted from 0 again. Raises NotFinished
        while a chunk is not over; and ChunksNotAccepted where some of the new chunks were not."""
        if not self.is_finished:
            raise NotFinished("Not all chunks are finished. Wait for their end, or cancel them first.")
        accepted, errors = list[KubernetesResult](), list[Exception]()
        for result in self._results:
            if positions := _missing(result):
                try:
                    accepted.append(self._source.retry_items(result.id, positions))
                except Exception as error:  # noqa: BLE001 - whatever it is, those that were accepted are not lost
                    errors.append(error)
        if errors:
            raise ChunksNotAccepted(accepted, errors) from errors[0]
        return ChunkResults(self._source, accepted)

    async def aretry(self) -> "ChunkResults[R]":
        """See retry()."""
        return await sync_to_async(self.retry, thread_sensitive=True)()

    def cancel(self, reason: str = "") -> None:
        """Asks the operator to cancel the chunks that are not over. What their items have returned is kept. One that is
        gone keeps none of the others from being cancelled. `reason`: who or what asks, and why."""
        for number, result in enumerate(self._results):
            if not result.is_finished:
                with suppress(TaskResultDoesNotExist):
                    self._results[number] = self._source.cancel(result.id, reason)

    def _all(self) -> list[R]:
        if failed := self.failed:
            first = failed[0]
            said = getattr(first.error, "message", None) or first.error.exception_class_path
            raise ItemsFailed(f"{len(failed):,} of {self.total:,} items failed. Item {first.index}: {said}")
        return cast("list[R]", self.return_values)

    def _failures(self) -> Iterator[FailedItem]:
        before = 0
        for result in self._results:
            if missing := _missing(result):
                known = {} if result.chunk is None else {error.item: error for error in result.chunk.errors}
                items = result.args[0]
                for position in missing:
                    if (found := known.get(position)) is None:
                        error = result.errors[-1]
                    else:
                        error = KubernetesTaskError(
                            exception_class_path=found.type, traceback=found.message, message=found.message
                        )
                    yield FailedItem(before + position, items[position], error)
            before += _size(result)


def _size(result: KubernetesResult) -> int:
    """How many items a chunk has. Raises TypeError where the task is no chunk."""
    if result.chunk is None:
        raise TypeError(f"Task {result.id} is no chunk: it calls its function once.")
    return result.chunk.size


def _missing(result: KubernetesResult) -> list[int]:
    """The items of a chunk that did not succeed, once it is over."""
    if result.chunk is None or result.status != TaskResultStatus.FAILED:
        return []
    return list(result.chunk.wanted.without(result.chunk.completed))


def _values(result: KubernetesResult) -> list[Any]:
    if result.status == TaskResultStatus.SUCCESSFUL:
        return list(result.return_value)
    texts = {} if result.chunk is None else result.chunk.results()
    return [json.loads(texts[position]) if position in texts else None for position in range(_size(result))]


def _countdown(timeout: Duration | None) -> Callable[[], float | None]:
    """How many seconds are left, each time it is asked. Raises ValueError or TypeError for what is no duration."""
    if timeout is None:
        return lambda: None
    until = time.monotonic() + seconds("timeout", timeout, most=SECONDS_PER_YEAR)
    return lambda: max(until - time.monotonic(), 0.0)


def _method(task: Any, name: str) -> Any:
    backend = task.get_backend() if hasattr(task, "get_backend") else None
    if not hasattr(backend, name):
        raise InvalidTask(
            f"The backend of {task!r} has no chunks. KubernetesBackend does, and without a cluster LocalBackend."
        )
    return getattr(backend, name)
