"""The workflows that run, in the memory of the leader: as many as fit. One for which there is no room is built again
from what is stored when it goes on, as a new leader does."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.flow import Flow

FLOWS_MAX_BYTES: Final = 128 * 1024 * 1024


class Flows:
    """One instance a term. Room is made where the most is used: by the namespace that has the most in memory, of which
    that goes which was used the longest ago."""

    def __init__(self, dropped: Callable[[Key], None] = lambda _: None, most: int = FLOWS_MAX_BYTES) -> None:
        """`dropped`: called with the key of one for which there is no room."""
        self._dropped = dropped
        self.most = most
        self._flows: dict[str, OrderedDict[Key, Flow]] = {}
        self._memory: dict[str, int] = {}
        self._in_use: set[Key] = set()

    def __contains__(self, key: Key) -> bool:
        return key in self._flows.get(key.namespace, ())

    def get(self, key: Key) -> Flow | None:
        flows = self._flows.get(key.namespace)
        if flows is None or key not in flows:
            return None
        flows.move_to_end(key)
        return flows[key]

    def put(self, flow: Flow) -> None:
        """Keep it, and make room for it. The caller is `using` it."""
        key, namespace = flow.key, flow.key.namespace
        self.pop(key)
        self._flows.setdefault(namespace, OrderedDict())[key] = flow
        self._memory[namespace] = self._memory.get(namespace, 0) + flow.memory
        while sum(self._memory.values()) > self.most and (victim := self._victim()) is not None:
            self.pop(victim)
            self._dropped(victim)

    def pop(self, key: Key) -> None:
        """Forget it, if it is there."""
        flows = self._flows.get(key.namespace)
        if flows is None or (flow := flows.pop(key, None)) is None:
            return
        self._memory[key.namespace] -= flow.memory
        if not flows:
            del self._flows[key.namespace], self._memory[key.namespace]

    @contextmanager
    def using(self, key: Key) -> Iterator[None]:
        """It stays, if it is there."""
        self._in_use.add(key)
        try:
            yield
        finally:
            self._in_use.discard(key)

    def _victim(self) -> Key | None:
        for namespace in sorted(self._memory, key=lambda name: -self._memory[name]):
            if (found := next((key for key in self._flows[namespace] if key not in self._in_use), None)) is not None:
                return found
        return None
