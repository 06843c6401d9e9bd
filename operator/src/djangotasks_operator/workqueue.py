"""A work queue of keys: each is worked on by one worker at a time, and once however often it is added.

The semantics of client-go's workqueue: https://pkg.go.dev/k8s.io/client-go/util/workqueue
"""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Hashable

# Timers that were replaced by earlier ones, or are not needed any more, and are not worth a clean-up.
STALE_MAX = 1000
FIRST_RETRY = 0.2
LAST_RETRY = 60.0


class WorkQueue[K: Hashable]:
    """Delays are in seconds, on the event loop's clock."""

    def __init__(self) -> None:
        self._ready: deque[K] = deque()
        self._queued: set[K] = set()
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._due: dict[K, float] = {}
        self._timers: list[tuple[float, int, K]] = []
        self._count = 0
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()
        # For health: since when each key is worked on, and when one was last taken, or began to wait for it.
        self._since: dict[K, float] = {}
        self._progress = 0.0
        self.retries = 0

    def __len__(self) -> int:
        return len(self._ready)

    def clear(self) -> None:
        """Forgets everything. Nobody may be working on a key."""
        for collection in (
            self._ready,
            self._queued,
            self._working,
            self._again,
            self._due,
            self._timers,
            self._failures,
            self._since,
        ):
            collection.clear()

    def add(self, key: K) -> None:
        """To be worked on as soon as a worker is free."""
        self._due.pop(key, None)
        if key in self._working:
            self._again.add(key)
        elif key not in self._queued:
            if not self._ready:
                self._progress = time.monotonic()
            self._queued.add(key)
            self._ready.append(key)
            self._changed.set()

    def add_after(self, key: K, delay: float) -> None:
        """To be worked on after `delay`, or earlier if it is added for an earlier time."""
        if delay <= 0:
            self.add(key)
            return
        due = asyncio.get_running_loop().time() + delay
        if self._due.get(key, float("inf")) <= due:
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._timers, (due, self._count, key))
        if len(self._timers) > 2 * len(self._due) + STALE_MAX:
            # A task that is looked at each second, with a timeout of hours, leaves one at each look.
            self._timers = [(due, number, key) for number, (key, due) in enumerate(self._due.items())]
            heapq.heapify(self._timers)
        self._changed.set()

    def retry(self, key: K, at_most: float = LAST_RETRY) -> float:
        """Adds the key after a wait that doubles with each failure in a row. Returns the wait."""
        self.retries += 1
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(FIRST_RETRY * 2.0 ** min(failures, 20), at_most)
        self.add_after(key, delay)
        return delay

    def succeeded(self, key: K) -> None:
        """Forgets the failures of the key."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key. Call `done` when it is worked off."""
        while True:
            now = asyncio.get_running_loop().time()
            while self._timers and self._timers[0][0] <= now:
                due, _, key = heapq.heappop(self._timers)
                # A timer that was replaced by an earlier one is left in the heap, and is skipped here.
                if self._due.get(key) == due:
                    self.add(key)
            if self._ready:
                key = self._ready.popleft()
                self._queued.discard(key)
                self._working.add(key)
                self._since[key] = self._progress = time.monotonic()
                return key
            self._changed.clear()
            timeout = self._timers[0][0] - now if self._timers else None
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def done(self, key: K) -> None:
        self._working.discard(key)
        self._since.pop(key, None)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def longest(self) -> tuple[K | None, float]:
        """The key that has been worked on for the longest time, and for how many seconds."""
        key = min(self._since, key=self._since.__getitem__, default=None)
        return key, 0.0 if key is None else time.monotonic() - self._since[key]

    def stalled(self) -> float:
        """For how many seconds a key could have been taken, and none was."""
        now = time.monotonic()
        due = self._progress if self._ready else self._timers[0][0] if self._timers else now
        return max(now - max(due, self._progress), 0.0)
