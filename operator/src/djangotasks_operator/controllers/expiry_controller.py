"""Delete finished tasks: those whose TTL has elapsed, and those beyond their queue's history limit."""

from collections.abc import Callable
from datetime import datetime

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.decide.actions import DeleteTask
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.workqueue import WorkQueue

# More than the operator starts in a second, and little enough that most writes, and most of the API server, are left to
# tasks that someone waits for.
DELETIONS_PER_SECOND = 50.0
DELETIONS_IN_FLIGHT = 8


class ExpiryController:
    def __init__(self, writer: TaskWriter, deletions: WorkQueue[Key], now: Callable[[], datetime]) -> None:
        self._writer = writer
        self._deletions = deletions
        self._now = now

    async def reconcile(self, key: Key) -> Result:
        """Delete the task if it is still to be deleted, and its time has come."""
        snapshot, now = self._writer.store.snapshot(key), self._now()
        if snapshot is not None and isinstance(action := decide(snapshot, now), DeleteTask):
            if now >= action.at:
                await self._writer.delete_task(snapshot.task, snapshot.deleted_for)
            else:
                self._deletions.add_after(key, (action.at - now).total_seconds())
        return Result.DONE
