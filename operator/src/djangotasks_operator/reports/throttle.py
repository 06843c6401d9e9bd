"""Write the latest value of each key, at most once an interval."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable

logger = logging.getLogger(__name__)


class ConflatingThrottle[K: Hashable, V]:
    """Write a key's first value at once, and of those that come within the interval the last one at its end."""

    def __init__(
        self, interval: float, write: Callable[[K, V], Awaitable[None]], expected: tuple[type[Exception], ...]
    ) -> None:
        """`interval`: in seconds. `expected`: errors that a later write may raise: its value is dropped."""
        self._interval = interval
        self._write = write
        self._expected = expected
        # Keys that were written within the interval, and the value that came since, if one did.
        self._resting: set[K] = set()
        self._pending: dict[K, V] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, key: K, value: V) -> None:
        """Write the value now, or at the end of the interval. Raises what the write raises, if it is made now."""
        if key in self._resting:
            self._pending[key] = value
            return
        self._resting.add(key)
        try:
            await self._write(key, value)
        finally:
            task = asyncio.create_task(self._rest(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def discard(self, key: K) -> None:
        """Drop the value that waits: something newer was written."""
        self._pending.pop(key, None)

    async def idle(self) -> None:
        """Wait until no key rests any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _rest(self, key: K) -> None:
        try:
            while True:
                await asyncio.sleep(self._interval)
                if key not in self._pending:
                    return
                await self._write(key, self._pending.pop(key))
        except self._expected as error:
            # The next value says more, and is answered.
            logger.debug("%s was not written: %s", key, error)
        finally:
            self._resting.discard(key)
            self._pending.pop(key, None)
