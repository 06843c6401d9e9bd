"""Decide whose turn it is to start a task: groups of queues in equal shares, and queues of a group by weight. Pure."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable
from itertools import count

from djangotasks_operator.scheduling.line import SortKey


class Heads[K: Hashable, Q: Hashable]:
    """The first task of each queue that may start one."""

    def __init__(self, group: Callable[[Q], Hashable], limit: int, starting: Collection[Q]) -> None:
        """`limit`: how many tasks of a group may be on their way to a pod. `starting`: the queues of those that are."""
        self.starting = Counter(starting)
        """How many tasks of a queue are on their way to a pod."""
        self._of_groups = Counter(map(group, starting))
        self._group = group
        self._limit = limit
        self._heads: defaultdict[Hashable, list[tuple[float, SortKey, int, K, Q]]] = defaultdict(list)
        self._numbers = count()

    def has_room(self, queue: Q) -> bool:
        """Whether its group may start another task."""
        return self._of_groups[self._group(queue)] < self._limit

    def put(self, queue: Q, weight: float, position: SortKey, key: K) -> None:
        share = self.starting[queue] / weight
        heapq.heappush(self._heads[self._group(queue)], (share, position, next(self._numbers), key, queue))

    def pop(self) -> tuple[K, Q] | None:
        """Take the task that starts next, and count it: of the group that has the fewest on their way to a pod, there
        of the queue that has the fewest for its weight, and of those the first."""
        turns = (
            (self._of_groups[group], heads[0][:3], heads)
            for group, heads in self._heads.items()
            if heads and self._of_groups[group] < self._limit
        )
        if (turn := min(turns, default=None, key=lambda turn: turn[:2])) is None:
            return None
        *_, key, queue = heapq.heappop(turn[2])
        self.starting[queue] += 1
        self._of_groups[self._group(queue)] += 1
        return key, queue
