"""A work queue of keys: each key is worked on by one worker at a time, and once however often it is added.

The semantics of client-go's workqueue: https://pkg.go.dev/k8s.io/client-go/util/workqueue
"""

import asyncio
import heapq
import time
from collections.abc import Callable, Hashable
from typing import NamedTuple

from djangotasks_operator.runtime.turns import Turns

# How many timers that were replaced by earlier ones may stay in the heap before it is rebuilt: a key that is added each
# second with a delay of hours leaves one each time.
STALE_MAX = 1000
# client-go retries after 5 ms to 1000 s. Here a failure costs requests, and someone waits for the task.
FIRST_RETRY = 0.2
LAST_RETRY = 60.0
# A clock that is set back by more was wrong when the timers were set: by it, they may be years away.
SET_BACK = 60.0


class Waited(NamedTuple):
    """For how many seconds a key was ready before it was taken."""

    ready: float = 0.0
    """Since it was."""
    added: float = 0.0
    """Since it was added last, while it was ready: whatever it was added for was there then."""


class WorkQueue[K: Hashable]:
    """Keys that are ready, are being worked on, or become ready later. Delays are in seconds of `clock`."""

    retries: int
    """How often a key was added again because it failed."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        longest_sleep: float | None = None,
        turns: Turns[K] | None = None,
    ) -> None:
        """`longest_sleep`: how long to wait for a key at most before the clock is read again. For a clock that may be
        set. `turns`: which of the ready keys comes next; by default the first."""
        self._clock = clock
        self._longest_sleep = longest_sleep
        self._ready: Turns[K] = Turns() if turns is None else turns
        # Since when each key is ready, and when it was added last.
        self._queued: dict[K, tuple[float, float]] = {}
        # Since when each key is worked on, in the order in which they were taken.
        self._working: dict[K, float] = {}
        # For how long each of these was ready before.
        self._waited: dict[K, Waited] = {}
        self._again: set[K] = set()
        self._due: dict[K, float] = {}
        self._timers: list[tuple[float, int, K]] = []
        self._count = 0
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()
        # When a key was last taken, or began to wait for that.
        self._progress = 0.0
        # The latest time that the clock has shown, since it was set back.
        self._latest = 0.0
        self.retries = 0

    def __len__(self) -> int:
        """How many keys are ready."""
        return len(self._ready)

    def clear(self) -> None:
        """Forget all keys. Nobody may be working on one."""
        for collection in (
            self._ready,
            self._queued,
            self._working,
            self._waited,
            self._again,
            self._due,
            self._timers,
            self._failures,
        ):
            collection.clear()

    def add(self, key: K) -> None:
        """Make the key ready, now or, if it is being worked on, when that is done."""
        self._due.pop(key, None)
        now = self._clock()
        if key in self._working:
            self._again.add(key)
        elif (queued := self._queued.get(key)) is not None:
            self._queued[key] = queued[0], now
        else:
            if not self._ready:
                self._progress = now
            self._queued[key] = now, now
            self._ready.put(key)
            self._changed.set()

    def add_after(self, key: K, delay: float) -> None:
        """Make the key ready after `delay`, unless it is due earlier already."""
        if delay <= 0:
            self.add(key)
            return
        due = self._clock() + delay
        if self._due.get(key, float("inf")) <= due:
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._timers, (due, self._count, key))
        if len(self._timers) > 2 * len(self._due) + STALE_MAX:
            self._timers = [(due, number, key) for number, (key, due) in enumerate(self._due.items())]
            heapq.heapify(self._timers)
        self._changed.set()

    def retry(self, key: K, at_most: float = LAST_RETRY) -> float:
        """Add the key after a delay that doubles with each failure in a row. Returns the delay."""
        self.retries += 1
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(FIRST_RETRY * 2.0 ** min(failures, 20), at_most)
        self.add_after(key, delay)
        return delay

    def succeeded(self, key: K) -> None:
        """Forget the failures of the key."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """Take the next key, when there is one. Call `done` when it is worked off."""
        while (key := self.take()) is None:
            self._changed.clear()
            try:
                delays = [delay for delay in (self.delay(), self._longest_sleep) if delay is not None]
                async with asyncio.timeout(min(delays, default=None)):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return key

    def take(self) -> K | None:
        """Take the next key that is ready, or return None. Call `done` when it is worked off."""
        self._fire()
        if not self._ready.has_next:
            return None
        key = self._ready.take()
        self._working[key] = self._progress = now = self._clock()
        ready, added = self._queued.pop(key, (now, now))
        self._waited[key] = Waited(max(now - ready, 0.0), max(now - added, 0.0))
        return key

    def waited(self, key: K) -> Waited:
        """How long the key that is worked on had to wait."""
        return self._waited.get(key, Waited())

    def observed(self, key: K) -> None:
        """Forget that the key was added while it is worked on: its worker observes the state as of now."""
        self._again.discard(key)

    def done(self, key: K) -> None:
        """Allow the key to be taken again; it is ready at once if it was added meanwhile."""
        if self._working.pop(key, None) is not None:
            del self._waited[key]
            self._ready.done(key)
            if self._ready.has_next:
                self._changed.set()
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def delay(self) -> float | None:
        """In how many seconds a key is ready: 0 for now, None for never unless one is added."""
        if self._ready.has_next:
            return 0.0
        # A timer that was replaced by an earlier one is left in the heap until it gets to the top.
        while self._timers and self._due.get(self._timers[0][2]) != self._timers[0][0]:
            heapq.heappop(self._timers)
        return max(self._timers[0][0] - self._clock(), 0.0) if self._timers else None

    def longest(self) -> tuple[K | None, float]:
        """The key that has been worked on for the longest time, and for how many seconds."""
        key = next(iter(self._working), None)
        return key, 0.0 if key is None else self._clock() - self._working[key]

    def stalled(self) -> float:
        """For how many seconds a key could have been taken, and none was."""
        now = self._clock()
        due = self._progress if self._ready.has_next else self._timers[0][0] if self._timers else now
        return max(now - max(due, self._progress), 0.0)

    def _fire(self) -> None:
        now = self._clock()
        if now < self._latest - SET_BACK:
            for key in list(self._due):
                self.add(key)
            self._latest, self._progress = now, min(self._progress, now)
        self._latest = max(self._latest, now)
        while self._timers and self._timers[0][0] <= now:
            due, _, key = heapq.heappop(self._timers)
            if self._due.get(key) == due:
                self.add(key)
