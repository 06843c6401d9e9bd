"""How a queue goes on after a start that failed. Pure."""

import math
from collections.abc import Hashable

# A queue whose tasks cannot be started is tried again after so many seconds, by one task at a time: twice as many after
# each failure in a row.
FIRST_WAIT = 0.2
LAST_WAIT = 60.0


class Recovery[K: Hashable]:
    """What is remembered of a queue whose starts fail, until enough of its tasks have started again.

    A refused task keeps its place before those of a lower priority, since the cause may pass: a quota has room again.
    But it may be the only one that cannot start, so each try of such a task is followed by the turn of another one. And
    where that one starts, and nothing else was refused, the first one waits until it lines up by itself.
    """

    def __init__(self, now: float) -> None:
        self.until = now
        """Nothing is admitted before."""
        self.width = 1
        """How many tasks may be on their way to a pod at once. Each that starts lets one more go: nobody knows how much
        room there is, and it belongs to those with the highest priority."""
        self.yields = False
        """It is the turn of a task that was not refused."""
        self._failures = 0
        self._refused: set[K] = set()
        self._had_its_turn: K | None = None

    def refuse(self, key: K, now: float, at_most: float = LAST_WAIT) -> None:
        """The start of a task has failed. Those that fail meanwhile began before, and say nothing new."""
        if now >= self.until:
            self.until = now + min(FIRST_WAIT * 2.0 ** min(self._failures, 20), at_most)
            self._failures += 1
        self.width = 1
        self._refused.add(key)
        if key == self._had_its_turn:
            self._had_its_turn = None
        else:
            self.yields = True

    def admit(self, key: K) -> None:
        """A task is on its way."""
        self._had_its_turn = key if self.yields else None
        self.yields = False

    def started(self) -> K | None:
        """A task has started. Returns the one that cannot start through its own fault, it seems."""
        alone = next(iter(self._refused)) if len(self._refused) == 1 else None
        self.room()
        self.width += 1
        return alone

    def room(self) -> None:
        """There may be room again: the first of all is tried at once."""
        self.until = -math.inf
        self.yields, self._had_its_turn, self._failures = False, None, 0
        self._refused.clear()
