"""Keys in line, in a line for each queue. Pure."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Hashable
from datetime import datetime
from typing import NamedTuple

# How many keys that were taken out may stay in a heap before it is rebuilt: where nothing starts, as in a queue that is
# held, none of them gets to the top.
STALE_MAX = 64
# Seconds that a point of priority is worth where waiting is worth nothing: more than any task waits.
NO_AGEING = 1e11


class SortKey(NamedTuple):
    """Sorts the tasks of a queue: the first starts first."""

    rank: float
    """When the task was enqueued, less so many seconds for each point of its priority. All tasks of a queue age at the
    same pace, so their order never changes, and a low priority is overtaken only by tasks that came soon after it."""
    enqueued_at: datetime
    name: str


def sort_key(priority: int, enqueued_at: datetime, name: str, ageing_seconds: float = NO_AGEING) -> SortKey:
    """`ageing_seconds`: how many seconds of waiting make up for a point of priority; 0 for none."""
    return SortKey(enqueued_at.timestamp() - priority * (ageing_seconds or NO_AGEING), enqueued_at, name)


class Line[K: Hashable, Q: Hashable]:
    """A key stands in one line at most."""

    def __init__(self) -> None:
        self._places: dict[K, tuple[Q, SortKey]] = {}
        self._heaps: defaultdict[Q, list[tuple[SortKey, K]]] = defaultdict(list)
        self._lengths: Counter[Q] = Counter()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: K) -> bool:
        return key in self._places

    def has_any(self, queue: Q) -> bool:
        """Whether a key stands in the queue's line."""
        return queue in self._lengths

    def put(self, key: K, queue: Q, position: SortKey) -> None:
        """Let the key stand in the queue's line, and in no other one."""
        if self._places.get(key) == (queue, position):
            return
        self.pop(key)
        self._places[key] = (queue, position)
        self._lengths[queue] += 1
        heap = self._heaps[queue]
        heapq.heappush(heap, (position, key))
        if len(heap) > 2 * self._lengths[queue] + STALE_MAX:
            heap[:] = {place for place in heap if self._places.get(place[1]) == (queue, place[0])}
            heapq.heapify(heap)

    def pop(self, key: K) -> tuple[Q, SortKey] | None:
        """Take the key out, if it is in a line. Returns where it was."""
        if (place := self._places.pop(key, None)) is not None:
            queue, _ = place
            self._lengths[queue] -= 1
            if not self._lengths[queue]:
                del self._lengths[queue], self._heaps[queue]
        return place

    def head(self, queue: Q) -> tuple[SortKey, K] | None:
        """The first key of a queue's line."""
        if (heap := self._heaps.get(queue)) is None:
            return None
        while heap:
            position, key = heap[0]
            if self._places.get(key) == (queue, position):
                return heap[0]
            # Those that were taken out are left in the heap until they get to the top.
            heapq.heappop(heap)
        return None
