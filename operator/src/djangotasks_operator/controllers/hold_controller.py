"""Act on holds: let tasks start as a hold begins, changes or ends, and delete it when its time is over.

A hold limits its queue from when it is seen until its time, whether this controller has come to it or not: `Admission`
asks the cache.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from djangotasks_api.models import DjangoTaskQueue, Held
from djangotasks_operator.cache.hold_writer import HoldWriter
from djangotasks_operator.cache.holds import Hold
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.admission import Admission
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.runtime.controller import Result

HOLDS_IN_FLIGHT: Final = 4
# A hold may be seen before its queue that was created with it.
QUEUE_GRACE: Final = timedelta(seconds=10)


class HoldObserver(Protocol):
    """Called after what was done for a hold. Takes no time, and raises nothing."""

    def held(self, queue: DjangoTaskQueue, held: Held | None) -> None:
        """The queue's status says that it is held, or in another way, or no more (None)."""

    def without_queue(self, hold: Hold) -> None:
        """There is no queue of the hold's name."""


class NobodyObserves:
    """A HoldObserver that reports nothing."""

    def held(self, queue: DjangoTaskQueue, held: Held | None) -> None: ...

    def without_queue(self, hold: Hold) -> None: ...


class HoldController:
    def __init__(
        self,
        writer: HoldWriter,
        work: WorkQueues,
        admission: Admission,
        observer: HoldObserver,
        now: Callable[[], datetime],
    ) -> None:
        self._writer = writer
        self._store = writer.store
        self._work = work
        self._admission = admission
        self._observer = observer
        self._now = now

    def initialize(self) -> None:
        """Reconcile all holds once."""
        for hold in self._store.holds.all():
            self._work.holds.add(hold.key)

    async def reconcile(self, key: Key) -> Result:
        """Let start what may start now, have the queue's status say so, and come again when the hold is over."""
        self._admission.limits_changed(key)
        self._work.queues.add(key)
        hold, now = self._store.holds.get(key), self._now()
        if hold is None or hold.deleting:
            return Result.DONE
        if hold.is_over(now):
            return await self._delete(hold)
        self._wake_at_end(hold, now)
        if self._store.queue(key) is None:
            age = now - (hold.held.since or now)
            if age < QUEUE_GRACE:
                self._work.holds.add_after(key, (QUEUE_GRACE - age).total_seconds())
            else:
                self._observer.without_queue(hold)
        return Result.DONE

    async def _delete(self, hold: Hold) -> Result:
        """Delete the hold, unless it has changed, or its time is not over after all: the answer to the read tells the
        API server's time, and a clock that was ahead is right then."""
        fresh = await self._writer.read(hold)
        if fresh is None or fresh.deleting:
            return Result.DONE
        now = self._now()
        if not fresh.is_over(now):
            self._wake_at_end(fresh, now)
            return Result.DONE
        return Result.DONE if await self._writer.delete(fresh) else Result.RETRY

    def _wake_at_end(self, hold: Hold, now: datetime) -> None:
        if hold.held.until is not None:
            self._work.holds.add_after(hold.key, (hold.held.until - now).total_seconds())
