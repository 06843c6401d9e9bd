"""Which waiting tasks start now: by priority and age within a queue, by weight among queues, within the limits. Pure.

Knows keys only. A key waits, or has a place (it was admitted, or was found to be in progress), or is unknown.
"""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

# Seconds that a point of priority is worth where waiting is worth nothing: more than any task waits.
NO_AGEING = 1e11


class Order(NamedTuple):
    """Sorts what starts first to the front.

    `rank`: when the task was enqueued, less so many seconds for each point of its priority. All of a queue age at
    the same pace, so that their order never changes, and a low priority is overtaken only by those who came soon after.
    """

    rank: float
    enqueued_at: datetime
    name: str


def order(priority: int, enqueued_at: datetime, name: str, ageing_seconds: float = NO_AGEING) -> Order:
    return Order(enqueued_at.timestamp() - priority * (ageing_seconds or NO_AGEING), enqueued_at, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a queue may have. `rate`: so many starts in so many seconds."""

    concurrency: int | None = None
    weight: float = 1
    rate: tuple[int, float] | None = None
    suspended: bool = False


UNLIMITED = Share()


class Backlog[K: Hashable, Q: Hashable]:
    """`starting_limit`: how many admitted tasks may be on their way to a pod at once, in all queues together.
    So a burst is worked off in order of priority, rather than all at the same time."""

    def __init__(self, starting_limit: int) -> None:
        self._starting_limit = starting_limit
        self._waiting: dict[K, tuple[Q, Order]] = {}
        self._heaps: defaultdict[Q, list[tuple[Order, K]]] = defaultdict(list)
        self._places: dict[K, Q] = {}
        self._taken: defaultdict[Q, int] = defaultdict(int)
        self._starting: dict[K, Q] = {}
        self._starts: defaultdict[Q, deque[float]] = defaultdict(deque)

    def waiting(self) -> int:
        return len(self._waiting)

    def has_place(self, key: K) -> bool:
        return key in self._places

    def offer(self, key: K, queue: Q, order: Order) -> None:
        """The task is ready to start."""
        if key in self._places or self._waiting.get(key) == (queue, order):
            return
        self._waiting[key] = (queue, order)
        heapq.heappush(self._heaps[queue], (order, key))

    def occupy(self, key: K, queue: Q) -> None:
        """The task is in progress: it has a place, whether the limits have one or not."""
        self._waiting.pop(key, None)
        self._starting.pop(key, None)
        if key not in self._places:
            self._places[key] = queue
            self._taken[queue] += 1

    def release(self, key: K) -> bool:
        """The task neither waits nor runs. True if that made a place free."""
        self._waiting.pop(key, None)
        self._starting.pop(key, None)
        queue = self._places.pop(key, None)
        if queue is None:
            return False
        self._taken[queue] -= 1
        return True

    def note_start(self, queue: Q, at: float) -> None:
        """An attempt was started then: it counts for the rate. To be told in order."""
        self._starts[queue].append(at)

    def admit(self, share_of: Callable[[Q], Share], now: float = 0.0) -> list[K]:
        """Gives out the free places: to the queue that has the least on the way to a pod for its weight, and there to
        the first. `now`: in seconds, of any clock."""
        admitted: list[K] = []
        on_the_way = Counter(self._starting.values())
        while len(self._starting) < self._starting_limit:
            heads = [
                (on_the_way[queue] / share.weight, head, queue)
                for queue in list(self._heaps)
                if self._has_room(queue, share := share_of(queue)) and self._rate_wait(queue, share, now) <= 0
                if (head := self._head(queue)) is not None
            ]
            if not heads:
                break
            _, (_, key), queue = min(heads, key=lambda item: (item[0], item[1][0]))
            heapq.heappop(self._heaps[queue])
            del self._waiting[key]
            self._places[key] = queue
            self._taken[queue] += 1
            self._starting[key] = queue
            on_the_way[queue] += 1
            if share_of(queue).rate is not None:
                self.note_start(queue, now)
            admitted.append(key)
        return admitted

    def held_by_rate(self, share_of: Callable[[Q], Share], now: float) -> list[tuple[K, float]]:
        """The first of each queue that only its rate holds, and in how many seconds it may start."""
        return [
            (head[1], wait)
            for queue in list(self._heaps)
            if self._has_room(queue, share := share_of(queue)) and (wait := self._rate_wait(queue, share, now)) > 0
            if (head := self._head(queue)) is not None
        ]

    def _has_room(self, queue: Q, share: Share) -> bool:
        return not share.suspended and (share.concurrency is None or self._taken[queue] < share.concurrency)

    def _rate_wait(self, queue: Q, share: Share, now: float) -> float:
        """The seconds until one more start would be within the rate, in whichever period is looked at."""
        if share.rate is None:
            return 0.0
        number, period = share.rate
        starts = self._starts[queue]
        while starts and starts[0] + period <= now:
            starts.popleft()
        return 0.0 if len(starts) < number else starts[-number] + period - now

    def _head(self, queue: Q) -> tuple[Order, K] | None:
        """The first that still waits. What was withdrawn is left in the heap until it gets here."""
        heap = self._heaps[queue]
        while heap:
            order, key = heap[0]
            if self._waiting.get(key) == (queue, order):
                return heap[0]
            heapq.heappop(heap)
        del self._heaps[queue]
        return None
