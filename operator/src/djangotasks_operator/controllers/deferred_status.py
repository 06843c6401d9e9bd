"""Write informational status (Starting, Running) at a limited rate.

In a burst, two extra PATCHes per task would slow the burst itself. An update that is outdated when its turn comes is
dropped.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.decide.actions import WriteStatusLater
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.rate_limit import TokenBucket

# Up to a hundred slow tasks show at once; in a burst of thousands, most writes are left to those that start them.
DEFERRED_STATUS_BURST = 100
DEFERRED_STATUS_PER_SECOND = 10.0
# After each, a pause of so many times as long as it took: where the API server is slow, others need it more.
PAUSE = 10.0


class DeferredStatus:
    def __init__(
        self,
        writer: TaskWriter,
        now: Callable[[], datetime],
        limit: TokenBucket | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._now = now
        self._limit = limit or TokenBucket(DEFERRED_STATUS_BURST, DEFERRED_STATUS_PER_SECOND)
        self._sleep = sleep
        self._clock = clock

    async def reconcile(self, key: Key) -> Result:
        """Write the update, if `decide` still returns one when its turn comes."""
        while (snapshot := self._writer.store.snapshot(key)) is not None:
            action = decide(snapshot, self._now())
            if not isinstance(action, WriteStatusLater):
                break
            if not (delay := self._limit.reserve()):
                began = self._clock()
                await self._writer.write_status_or_read(snapshot.task, action.status)
                if pause := (self._clock() - began) * PAUSE:
                    await self._sleep(pause)
                break
            await self._sleep(delay)
        return Result.DONE
