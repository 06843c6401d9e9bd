"""History limits: which finished tasks of a queue are kept. Pure."""

import heapq
from collections.abc import Hashable
from datetime import datetime

# How many removed tasks may stay in the heap before it is rebuilt.
STALE_MAX = 64


class History[K: Hashable]:
    """The finished tasks of one queue that count for one limit: the latest are kept, the others are surplus.

    Tasks may be added in any order. What is surplus stays so until it is removed or the limit is raised. A step costs
    the logarithm of their number.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: dict[K, datetime] = {}
        self._surplus: dict[K, datetime] = {}
        # The oldest of the kept ones first; and some that are not kept any more.
        self._oldest: list[tuple[datetime, K]] = []

    def __len__(self) -> int:
        return len(self._kept) + len(self._surplus)

    def is_surplus(self, key: K) -> bool:
        return key in self._surplus

    def add(self, key: K, finished_at: datetime) -> list[K]:
        """Add a finished task. Returns what has become surplus, which may be the task itself."""
        self._kept[key] = finished_at
        heapq.heappush(self._oldest, (finished_at, key))
        return self._shrink()

    def remove(self, key: K) -> None:
        """Remove a task, if it is in."""
        self._surplus.pop(key, None)
        if self._kept.pop(key, None) is not None and len(self._oldest) > 2 * len(self._kept) + STALE_MAX:
            self._oldest = [(at, kept) for kept, at in self._kept.items()]
            heapq.heapify(self._oldest)

    def limit_to(self, limit: int) -> list[K]:
        """Change the limit. Returns what has become surplus by that."""
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
        surplus: list[K] = []
        while len(self._kept) > self._limit:
            at, key = heapq.heappop(self._oldest)
            if self._kept.get(key) == at:
                self._surplus[key] = self._kept.pop(key)
                surplus.append(key)
        return surplus
