"""Which finished tasks are kept: the latest, as many as the limit says. Pure."""

import heapq
from collections.abc import Hashable
from datetime import datetime

# Of what is gone, so much stays in the heap before it is made anew.
STALE_MAX = 64


class History[K: Hashable]:
    """The finished tasks of one queue that count for one limit, told of one by one, in any order.

    What is beyond the limit is surplus, and stays so until it is removed or the limit is raised. A step costs the
    logarithm of their number.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: dict[K, datetime] = {}
        self._surplus: dict[K, datetime] = {}
        # The oldest of what is kept first; and some that are not kept any more.
        self._oldest: list[tuple[datetime, K]] = []

    def __len__(self) -> int:
        return len(self._kept) + len(self._surplus)

    def is_surplus(self, key: K) -> bool:
        return key in self._surplus

    def add(self, key: K, finished_at: datetime) -> list[K]:
        """A task finished then. Returns what has become surplus, which may be the task itself."""
        self._kept[key] = finished_at
        heapq.heappush(self._oldest, (finished_at, key))
        return self._shrink()

    def remove(self, key: K) -> None:
        self._surplus.pop(key, None)
        if self._kept.pop(key, None) is not None and len(self._oldest) > 2 * len(self._kept) + STALE_MAX:
            self._oldest = [(at, kept) for kept, at in self._kept.items()]
            heapq.heapify(self._oldest)

    def limit_to(self, limit: int) -> list[K]:
        """Returns what has become surplus by it."""
        if limit > self._limit:
            before, self._surplus = self._surplus, {}
            for key, at in before.items():
                self._kept[key] = at
                heapq.heappush(self._oldest, (at, key))
        else:
            before = {}
        self._limit = limit
        return [key for key in self._shrink() if key not in before]

    def _shrink(self) -> list[K]:
        gone: list[K] = []
        while len(self._kept) > self._limit:
            at, key = heapq.heappop(self._oldest)
            if self._kept.get(key) == at:
                self._surplus[key] = self._kept.pop(key)
                gone.append(key)
        return gone
