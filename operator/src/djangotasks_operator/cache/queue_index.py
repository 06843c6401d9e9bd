"""Index tasks by queue: the unfinished ones, and the history of the finished ones. Pure.

Updated with every change of a task, so that nothing has to go through all tasks to know those of a queue.
"""

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import NamedTuple

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, QueueSpec
from djangotasks_api.phases import Phase
from djangotasks_operator.cache.history import History
from djangotasks_operator.scheduling.timing import ready_at
from djangotasks_operator.workflows.views import step_task_of


class HistoryLimits(NamedTuple):
    """How many finished tasks of a queue are kept at most."""

    succeeded: int
    failed: int
    """Failed or cancelled."""


def history_limits(queue: DjangoTaskQueue | None) -> HistoryLimits:
    """A queue's limits. A queue that does not exist has the defaults: its tasks may still be there."""
    if queue is None:
        fields = QueueSpec.model_fields
        return HistoryLimits(
            fields["successful_tasks_history_limit"].default, fields["failed_tasks_history_limit"].default
        )
    return HistoryLimits(queue.spec.successful_tasks_history_limit, queue.spec.failed_tasks_history_limit)


class QueueEntry[K: Hashable]:
    """One queue's tasks."""

    def __init__(self, limits: HistoryLimits) -> None:
        self.unfinished: dict[K, datetime] = {}
        self.succeeded: History[K] = History(limits.succeeded)
        self.failed: History[K] = History(limits.failed)

    def history(self, phase: Phase) -> History[K]:
        """The history in which a task of this phase counts."""
        return self.succeeded if phase is Phase.SUCCEEDED else self.failed

    def __bool__(self) -> bool:
        return bool(self.unfinished) or len(self.succeeded) + len(self.failed) > 0


class QueueIndex[K: Hashable, Q: Hashable]:
    """The tasks of all queues."""

    def __init__(self, limits: Callable[[Q], HistoryLimits]) -> None:
        """`limits`: looks up a queue's current limits."""
        self._limits = limits
        self._entries: dict[Q, QueueEntry[K]] = {}

    def unfinished(self, queue: Q) -> Mapping[K, datetime]:
        """The queue's unfinished tasks, and when the next attempt of each may start."""
        entry = self._entries.get(queue)
        return {} if entry is None else entry.unfinished

    def is_surplus(self, key: K, queue: Q, phase: Phase) -> bool:
        """Whether the finished task is beyond its queue's history limit."""
        entry = self._entries.get(queue)
        return entry is not None and entry.history(phase).is_surplus(key)

    def put(self, key: K, queue: Q, task: DjangoTask) -> list[K]:
        """Add or update a task. Returns the finished tasks that have become surplus."""
        if (entry := self._entries.get(queue)) is None:
            entry = self._entries[queue] = QueueEntry(self._limits(queue))
        status = task.status
        if not status.phase.is_terminal:
            if status.returned_workflow is None:
                entry.unfinished[key] = ready_at(task)
            else:
                # It neither waits for a place nor holds one.
                entry.unfinished.pop(key, None)
            return []
        entry.unfinished.pop(key, None)
        # An earlier version of the finished task may be in.
        entry.history(status.phase).remove(key)
        part = task.spec.workflow
        if part is not None and step_task_of(task.metadata.name, part) is not None:
            # It is kept as long as its workflow.
            return []
        return [] if status.finished_at is None else entry.history(status.phase).add(key, status.finished_at)

    def drop(self, key: K, queue: Q) -> None:
        """Remove a task that is gone."""
        if (entry := self._entries.get(queue)) is None:
            return
        entry.unfinished.pop(key, None)
        entry.succeeded.remove(key)
        entry.failed.remove(key)
        if not entry:
            del self._entries[queue]

    def apply_limits(self, queue: Q) -> list[K]:
        """Look the queue's limits up again. Returns the finished tasks that have become surplus."""
        if (entry := self._entries.get(queue)) is None:
            return []
        limits = self._limits(queue)
        return [*entry.succeeded.limit_to(limits.succeeded), *entry.failed.limit_to(limits.failed)]
