"""Reconcile the unfinished tasks of a queue that has changed: each of them may start now, or not any more, or has other
limits.

There may be a hundred thousand, and two tools that disagree about a queue edit it many times a second, for ever.
"""

import time
from collections.abc import Callable

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.store import Store
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.rate_limit import TokenBuckets

# Of one queue: so many edits count at once, then one a second, the last one among them.
BURST, PER_SECOND = 5, 1.0
# Queues that were edited last.
REMEMBERED_MAX = 1000


class QueueEdits:
    def __init__(self, store: Store, work: WorkQueues, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._work = work
        self._pace = TokenBuckets[Key](BURST, PER_SECOND, REMEMBERED_MAX, clock)

    async def reconcile(self, queue: Key) -> Result:
        """Have the queue's tasks reconciled, now or, where that was done too often, in a moment."""
        if wait := self._pace.reserve(queue):
            self._work.edited_queues.add_after(queue, wait)
            return Result.DONE
        for key in self._store.unfinished(queue):
            self._work.task_changed(key)
        return Result.DONE
