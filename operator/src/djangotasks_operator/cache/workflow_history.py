"""Which finished workflows of a queue are kept, by the queue's history limits: they count as its tasks do, apart from
them. Pure."""

from collections.abc import Callable, Hashable
from datetime import datetime

from djangotasks_operator.cache.history import History
from djangotasks_operator.cache.queue_index import HistoryLimits


class WorkflowHistory[K: Hashable, Q: Hashable]:
    def __init__(self, limits: Callable[[Q], HistoryLimits]) -> None:
        """`limits`: looks up a queue's current limits."""
        self._limits = limits
        self._entries: dict[Q, tuple[History[K], History[K]]] = {}

    def put(self, key: K, queue: Q, finished_at: datetime, *, succeeded: bool) -> list[K]:
        """Add a finished workflow. Returns what has become surplus."""
        if (entry := self._entries.get(queue)) is None:
            limits = self._limits(queue)
            entry = self._entries[queue] = History(limits.succeeded), History(limits.failed)
        history = entry[0] if succeeded else entry[1]
        # An earlier version of it may be in.
        history.remove(key)
        return history.add(key, finished_at)

    def drop(self, key: K, queue: Q) -> None:
        """Remove a workflow that is gone."""
        if (entry := self._entries.get(queue)) is None:
            return
        for history in entry:
            history.remove(key)
        if not any(map(len, entry)):
            del self._entries[queue]

    def is_surplus(self, key: K, queue: Q) -> bool:
        return any(history.is_surplus(key) for history in self._entries.get(queue, ()))

    def apply_limits(self, queue: Q) -> list[K]:
        """Look the queue's limits up again. Returns what has become surplus."""
        if (entry := self._entries.get(queue)) is None:
            return []
        limits = self._limits(queue)
        return [*entry[0].limit_to(limits.succeeded), *entry[1].limit_to(limits.failed)]
