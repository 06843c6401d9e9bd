"""Whether the namespaces have room for standby pods: tasks that find none come first."""

from collections.abc import Callable

from djangotasks_api.phases import Reason
from djangotasks_operator.cache.store import Store

# When to see again whether there is room for standby pods.
SHORT_SECONDS = 60.0


class StandbyRoom:
    """One instance a term."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        # Namespaces without room, and when to see again whether they have some.
        self._short: dict[str, float] = {}

    def is_missing(self, namespace: str) -> None:
        """Note that a pod or a quota of the namespace finds no room."""
        self._short[namespace] = self._clock() + SHORT_SECONDS

    def is_short(self, namespace: str) -> bool:
        """Whether tasks of the namespace have found no room lately, or look for it."""
        until, now = self._short.get(namespace), self._clock()
        if until is None:
            return False
        if now < until:
            return True
        if self._looks_for_room(namespace):
            self._short[namespace] = now + SHORT_SECONDS
            return True
        del self._short[namespace]
        return False

    def _looks_for_room(self, namespace: str) -> bool:
        pods = any(pod.looks_for_room and pod.namespace == namespace for pod in self._store.pods())
        return pods or any(
            task.status.reason is Reason.QUOTA_EXCEEDED and not task.status.phase.is_terminal
            for task in self._store.tasks()
            if task.metadata.namespace == namespace
        )
