"""The path from a call to a stored task: validation, id and payload here, the rest by the delivery of the mode."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.tasks.signals import task_enqueued

from django_tasks_kubernetes.arguments import accept_arguments
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.enqueue.bulk import CONCURRENCY, CONCURRENCY_MAX
from django_tasks_kubernetes.enqueue.calls import Call, Enqueued, NotAccepted, unpack
from django_tasks_kubernetes.enqueue.delivery import delivery_for
from django_tasks_kubernetes.enqueue.new_task import NewTask, new_chunk, new_task
from django_tasks_kubernetes.enqueue.task_validation import note_clock_changes
from django_tasks_kubernetes.enqueue.validation import note_unreadable, validate_found, validate_readable
from django_tasks_kubernetes.enqueue.writer import TaskWriter
from django_tasks_kubernetes.exceptions import ChunksNotAccepted
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.store import TaskStore
from django_tasks_kubernetes.task import AnyTask


class Enqueuer:
    """Enqueues the tasks of one backend."""

    def __init__(
        self, options: Options, writer: TaskWriter, validate: Callable[[AnyTask], None], *, read_elsewhere: bool = True
    ) -> None:
        """`validate`: raises InvalidTask, as the backend's validate_task(). `read_elsewhere`: whether other processes
        read the results."""
        self._read_elsewhere = read_elsewhere
        self._options = options
        self._writer = writer
        self._validate = validate
        self._delivery = delivery_for(options.enqueue)(writer, options.database)

    def new_task(self, task: AnyTask, args: Sequence[Any], kwargs: Mapping[str, Any]) -> NewTask:
        """Validates the task, and chooses its id. Nothing is sent. See enqueue() for what it raises."""
        self._validated(task)
        accept_arguments(task.func, task.module_path, args, kwargs, takes_context=task.takes_context)
        return new_task(task, args, kwargs, self._writer.alias, self._options)

    def _validated(self, task: AnyTask) -> None:
        self._validate(task)
        validate_found(task)
        (validate_readable if self._read_elsewhere else note_unreadable)(task)
        note_clock_changes(task)

    def enqueue(self, task: AnyTask, args: Sequence[Any], kwargs: Mapping[str, Any]) -> KubernetesResult:
        """See KubernetesBackend.enqueue()."""
        return self._delivery.deliver(self._delivery.prepare(self.new_task(task, args, kwargs)))

    async def aenqueue(self, task: AnyTask, args: Sequence[Any], kwargs: Mapping[str, Any]) -> KubernetesResult:
        """See KubernetesBackend.aenqueue()."""
        if self._delivery.uses_database:
            # A transaction belongs to a thread.
            return await sync_to_async(self.enqueue, thread_sensitive=True)(task, args, kwargs)

        def create() -> tuple[KubernetesResult, bool]:
            return self._writer.create_silently(self.new_task(task, args, kwargs))

        result, created = await sync_to_async(create, thread_sensitive=False)()
        if created:
            await task_enqueued.asend(self._writer.sender, task_result=result)
        return result

    def enqueue_many(self, calls: Iterable[Call], concurrency: int) -> Enqueued:
        """See KubernetesBackend.enqueue_many()."""
        if isinstance(concurrency, bool) or not 1 <= concurrency <= CONCURRENCY_MAX:
            raise ValueError(f"concurrency must be a whole number from 1 to {CONCURRENCY_MAX}, not {concurrency!r}.")
        report, listed = Enqueued(), []
        indices: list[int] = []
        tasks: list[NewTask] = []
        for index, call in enumerate(calls):
            listed.append(call)
            report.results.append(None)
            try:
                new = self._delivery.prepare(self.new_task(*unpack(call)))
            except Exception as error:  # noqa: BLE001 - one call's error is in the report, and no other's
                report.not_accepted.append(NotAccepted(index, call, error))
            else:
                indices.append(index)
                tasks.append(new)
        results, failures = self._delivery.deliver_many(tasks, concurrency)
        for index, result in zip(indices, results, strict=True):
            report.results[index] = result
        report.not_accepted.extend(NotAccepted(indices[i], listed[indices[i]], error) for i, error in failures)
        report.not_accepted.sort(key=lambda failure: failure.index)
        return report

    def enqueue_chunks(
        self, task: AnyTask, items: Sequence[Any], more: Sequence[Any], kwargs: Mapping[str, Any], size: int
    ) -> list[KubernetesResult]:
        """See KubernetesBackend.enqueue_chunks(). Nothing is sent before all chunks are known to be right."""
        self._validated(task)
        accept_arguments(task.func, task.module_path, (None, *more), kwargs, takes_context=task.takes_context)
        alias, options = self._writer.alias, self._options
        chunks = [(first, items[first : first + size]) for first in range(0, len(items), size)]
        new = [
            new_chunk(task, part, more, kwargs, alias, options, name=f"items[{first}:{first + len(part)}]")
            for first, part in chunks
        ]
        results, failures = self._delivery.deliver_many([self._delivery.prepare(one) for one in new], CONCURRENCY)
        if failures:
            accepted = [result for result in results if result is not None]
            raise ChunksNotAccepted(accepted, [error for _, error in failures]) from failures[0][1]
        return [result for result in results if result is not None]

    def create(self, new: NewTask) -> KubernetesResult:
        """Creates a task at once, whatever the mode."""
        return self._writer.create(new)

    def store(self, cluster: TaskStore) -> TaskStore:
        """Where the tasks can be found that are enqueued here."""
        return self._delivery.store(cluster)

    @property
    def is_pending(self) -> Callable[[str], bool] | None:
        """Says of a task that the cluster does not have whether it is yet to be created; None where enqueue() has
        created it before it returns."""
        return self._delivery.is_pending if self._delivery.uses_database else None
