"""What a backend does to find results, and to follow them."""

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from django.tasks import Task, TaskResultStatus

from django_tasks_kubernetes.codec.resource import Resource, selector
from django_tasks_kubernetes.durations import Duration
from django_tasks_kubernetes.enqueue.validation import valid_name
from django_tasks_kubernetes.exceptions import InvalidResource
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.task import AnyTask

if TYPE_CHECKING:
    from django_tasks_kubernetes.store import TaskStore
    from django_tasks_kubernetes.waiting.changes import Changes
    from django_tasks_kubernetes.waiting.steps import TaskSource

logger = logging.getLogger(__name__)


class ResultMethods:
    """A part of KubernetesBackend."""

    if TYPE_CHECKING:

        @property
        def store(self) -> TaskStore: ...

        @property
        def _is_pending(self) -> Callable[[str], bool] | None: ...

        def decode(self, resource: Resource) -> KubernetesResult: ...

    def results(
        self,
        *,
        queue: str | None = None,
        status: TaskResultStatus | str | None = None,
        task: AnyTask | str | None = None,
    ) -> Iterator[KubernetesResult]:
        """Iterates over the results in the cluster, page by page and in no order: all, or those of a queue, in a
        status, of a task (or its path). A result whose task does not import here is left out, and logged.
        """
        wanted = None if status is None else TaskResultStatus(status)
        path = task.module_path if isinstance(task, Task) else task
        for resource in self.store.find(selector(queue=queue, status=wanted, task=path)):
            try:
                result = self.decode(resource)
            except InvalidResource as error:
                logger.warning("Left out of results(): %s", error)
                continue
            if wanted in (None, result.status):
                yield result

    def watch(
        self,
        result_id: str | None = None,
        *,
        queue: str | None = None,
        task: AnyTask | str | None = None,
        repeat: Duration | None = None,
    ) -> "Changes[KubernetesResult]":
        """Follows one task, or all tasks, those of a queue, or of a task (or its path), with `for` or `async for`.

        Each iteration begins with the current results, and yields a result for each change.

        With an id it ends with the finished result. Otherwise it never ends, and leaves out, with a log line, results
        whose task does not import here. A slow reader misses states in between, and gets the newest.
        `repeat`: with an id, yields the last result again after so long without a change, to keep connections open.

        The iteration raises as get_result() does.
        """
        from django_tasks_kubernetes.waiting.changes import Changes

        if result_id is not None and (queue is not None or task is not None):
            raise TypeError("watch() takes an id, or a queue and a task, and not both.")
        if result_id is None and repeat is not None:
            raise TypeError("watch() takes repeat together with an id.")
        name = None if result_id is None else valid_name(result_id)
        return Changes(self._task_source, name, queue=queue, task=task, repeat=repeat)

    def changes_of(self, result: KubernetesResult, timeout: Duration | None) -> "Changes[KubernetesResult]":
        """Follows the task of a result until it is finished, or the time is over. For result.wait().

        Raises ValueError or TypeError for what is no duration.
        """
        from django_tasks_kubernetes.waiting.changes import Changes

        return Changes(self._task_source, result.id, queue=result.task.queue_name, timeout=timeout)

    @property
    def _task_source(self) -> "TaskSource[KubernetesResult]":
        from django_tasks_kubernetes.waiting.steps import TaskSource

        return TaskSource(store=lambda: self.store, decode=self.decode, is_pending=self._is_pending)
