"""Which tasks each queue has: those that are not finished, and the history of those that are. Pure.

Kept up to date with every change of a task, so that nobody has to look through all of them to know.
"""

from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, QueueSpec
from djangotasks_api.phases import Phase
from djangotasks_operator.history import History

EARLIEST = datetime.min.replace(tzinfo=UTC)


class HistoryLimits(NamedTuple):
    """How many finished tasks of a queue are kept at most."""

    succeeded: int
    failed: int


def limits_of(queue: DjangoTaskQueue | None) -> HistoryLimits:
    """A queue that does not exist has the defaults: its tasks may still be there."""
    if queue is None:
        fields = QueueSpec.model_fields
        return HistoryLimits(
            fields["successful_tasks_history_limit"].default, fields["failed_tasks_history_limit"].default
        )
    return HistoryLimits(queue.spec.successful_tasks_history_limit, queue.spec.failed_tasks_history_limit)


def due_at(task: DjangoTask) -> datetime | None:
    """When the task may run: from then on somebody waits for it."""
    enqueued_at = task.spec.enqueued_at or task.metadata.creation_timestamp
    run_after = task.spec.run_after
    return max(enqueued_at, run_after) if enqueued_at and run_after else enqueued_at or run_after


def ready_at(task: DjangoTask) -> datetime:
    """When the task's next attempt may start."""
    due, next_attempt = due_at(task) or EARLIEST, task.status.next_attempt_at
    return due if next_attempt is None else max(due, next_attempt)


class Roll[K: Hashable]:
    """One queue's tasks."""

    def __init__(self, limits: HistoryLimits) -> None:
        self.unfinished: dict[K, datetime] = {}
        self.succeeded: History[K] = History(limits.succeeded)
        self.failed: History[K] = History(limits.failed)

    def history(self, phase: Phase) -> History[K]:
        return self.succeeded if phase is Phase.SUCCEEDED else self.failed

    def __bool__(self) -> bool:
        return bool(self.unfinished) or len(self.succeeded) + len(self.failed) > 0


class Roster[K: Hashable, Q: Hashable]:
    """`limits`: those of each queue, as it is now."""

    def __init__(self, limits: Callable[[Q], HistoryLimits]) -> None:
        self._limits = limits
        self._rolls: dict[Q, Roll[K]] = {}

    def unfinished(self, queue: Q) -> Mapping[K, datetime]:
        """The queue's tasks that are not finished, and when the next attempt of each may start."""
        roll = self._rolls.get(queue)
        return {} if roll is None else roll.unfinished

    def is_surplus(self, key: K, queue: Q, phase: Phase) -> bool:
        """The finished task is beyond its queue's limit."""
        roll = self._rolls.get(queue)
        return roll is not None and roll.history(phase).is_surplus(key)

    def put(self, key: K, queue: Q, task: DjangoTask) -> list[K]:
        """The task is new, or has changed. Returns the finished ones that are beyond the limit since then."""
        if (roll := self._rolls.get(queue)) is None:
            roll = self._rolls[queue] = Roll(self._limits(queue))
        status = task.status
        if not status.phase.is_terminal:
            roll.unfinished[key] = ready_at(task)
            return []
        roll.unfinished.pop(key, None)
        # It may have been told of before, in another version.
        roll.history(status.phase).remove(key)
        return [] if status.finished_at is None else roll.history(status.phase).add(key, status.finished_at)

    def drop(self, key: K, queue: Q) -> None:
        """The task is gone."""
        if (roll := self._rolls.get(queue)) is None:
            return
        roll.unfinished.pop(key, None)
        roll.succeeded.remove(key)
        roll.failed.remove(key)
        if not roll:
            del self._rolls[queue]

    def apply_limits(self, queue: Q) -> list[K]:
        """The queue is new, has changed or is gone. Returns the finished tasks that are beyond its limit since then."""
        if (roll := self._rolls.get(queue)) is None:
            return []
        limits = self._limits(queue)
        return [*roll.succeeded.limit_to(limits.succeeded), *roll.failed.limit_to(limits.failed)]
