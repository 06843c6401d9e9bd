"""The indexes of a step that could run now, lowest first."""

import heapq
from collections.abc import Container

from djangotasks_api.workflow.ranges import Indexes


class Ready:
    """Those that were added, and those below `limit` that were not taken yet. A step costs what it takes."""

    def __init__(self) -> None:
        self.limit = 0
        """All indexes below may run. 0 for a step that follows another index by index: its indexes are added."""
        self._next = 0
        self._added: list[int] = []

    def add(self, index: int) -> None:
        """The index may run, for the first time or again."""
        heapq.heappush(self._added, index)

    def take(self, recorded: tuple[Indexes, ...], active: Container[int]) -> int | None:
        """Take the lowest index that is neither recorded nor active. None where there is none."""
        while True:
            self._skip(recorded)
            if self._added and (self._next >= self.limit or self._added[0] <= self._next):
                index = heapq.heappop(self._added)
            elif self._next < self.limit:
                index = self._next
                self._next += 1
            else:
                return None
            if index not in active and not any(index in indexes for indexes in recorded):
                return index

    def _skip(self, recorded: tuple[Indexes, ...]) -> None:
        """Go over ranges of recorded indexes in one step each."""
        before = -1
        while before != self._next < self.limit:
            before = self._next
            for indexes in recorded:
                self._next = indexes.next_absent(self._next)
