"""What a backend does with chunks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async
from django.tasks import Task

from django_tasks_kubernetes.enqueue.new_task import repetition_of_items
from django_tasks_kubernetes.enqueue.validation import valid_name
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.task import AnyTask, options_of
from djangotasks_api.bounds import CHUNK

if TYPE_CHECKING:
    from django_tasks_kubernetes.chunks import ChunkResults
    from django_tasks_kubernetes.codec.resource import Resource
    from django_tasks_kubernetes.conf import Options
    from django_tasks_kubernetes.enqueue.enqueuer import Enqueuer
    from django_tasks_kubernetes.store import TaskStore

SIZE: Final = 100
NO_ARGUMENTS: Final[Mapping[str, Any]] = {}


class ChunkMethods:
    """A part of KubernetesBackend."""

    if TYPE_CHECKING:

        @property
        def _enqueuer(self) -> Enqueuer: ...

        @property
        def parsed_options(self) -> Options: ...

        @property
        def store(self) -> TaskStore: ...

        def decode(self, resource: "Resource") -> KubernetesResult: ...

        def cancel(self, result_id: str, reason: str = "") -> KubernetesResult: ...

    def enqueue_chunks(
        self,
        task: AnyTask,
        items: Iterable[Any],
        more: Sequence[Any] = (),
        kwargs: Mapping[str, Any] = NO_ARGUMENTS,
        *,
        size: int = SIZE,
    ) -> "ChunkResults[Any]":
        """Enqueues a call of a task's function for each item, which is its first argument: `size` of them run in one
        container, one after the other. See chunks.enqueue_chunks().

        Raises as enqueue() does, before anything is created; and ChunksNotAccepted where some of the chunks were not.
        """
        from django_tasks_kubernetes.chunks import ChunkResults

        checked = valid_size("size", size)
        return ChunkResults(self, self._enqueuer.enqueue_chunks(_valid(task), _listed(items), more, kwargs, checked))

    async def aenqueue_chunks(
        self,
        task: AnyTask,
        items: Iterable[Any],
        more: Sequence[Any] = (),
        kwargs: Mapping[str, Any] = NO_ARGUMENTS,
        *,
        size: int = SIZE,
    ) -> "ChunkResults[Any]":
        """See enqueue_chunks()."""
        return await sync_to_async(self.enqueue_chunks, thread_sensitive=True)(task, items, more, kwargs, size=size)

    def get_chunks(self, ids: Iterable[str]) -> "ChunkResults[Any]":
        """The results of chunks, by the ids of `ChunkResults.ids`. Raises as get_result() does."""
        from django_tasks_kubernetes.chunks import ChunkResults

        return ChunkResults(self, [self.decode(self.store.get(valid_name(id_))) for id_ in ids])

    async def aget_chunks(self, ids: Iterable[str]) -> "ChunkResults[Any]":
        """See get_chunks()."""
        return await sync_to_async(self.get_chunks, thread_sensitive=True)(ids)

    def retry_items(self, result_id: str, positions: Sequence[int]) -> KubernetesResult:
        """Enqueues some items of a finished chunk once more, at once, as a new task. Raises as retry() does."""
        resource = self.store.get(valid_name(result_id))
        new = repetition_of_items(resource, self.decode(resource), positions, self.parsed_options)
        return self._enqueuer.create(new)


def valid_size(name: str, size: Any) -> int:
    """Raises ValueError."""
    if isinstance(size, bool) or not isinstance(size, int) or size not in CHUNK:
        raise ValueError(f"{name} must be a whole number {CHUNK}, not {size!r}.")
    return size


def _valid(task: Any) -> AnyTask:
    """Raises TypeError or ValueError."""
    if not isinstance(task, Task):
        raise TypeError(f"Chunks are made of a task, which {task!r} is not: decorate the function with @task.")
    if "idempotency_key" in options_of(task):
        raise ValueError(f"{task.module_path}: chunks have no idempotency_key: each would have the same.")
    return task


def _listed(items: Any) -> list[Any]:
    """Raises TypeError."""
    if isinstance(items, (str, bytes, Mapping)):
        raise TypeError(f"Chunks are made of a list of items, not of {type(items).__name__}.")
    return list(items)
