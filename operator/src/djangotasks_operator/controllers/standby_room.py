"""Whether the namespaces have room for standby pods: tasks that find none come first."""

from collections.abc import Callable, Collection

from djangotasks_api.phases import Reason
from djangotasks_operator.cache.store import Store
from djangotasks_operator.pods.room import ANY, lacking_of_quota

# When to see again whether there is room for standby pods.
SHORT_SECONDS = 60.0


class StandbyRoom:
    """One instance a term."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        # Namespaces without room, and what for: a device, or ANY. When to see again whether they have some.
        self._short: dict[tuple[str, str], float] = {}

    def is_missing(self, namespace: str, lacks: Collection[str]) -> None:
        """Note that a pod or a quota of the namespace finds no room. `lacks`: devices, or `room.ANY`."""
        for name in lacks:
            self._short[namespace, name] = self._clock() + SHORT_SECONDS

    def is_short(self, namespace: str, devices: Collection[str]) -> bool:
        """Whether tasks of the namespace have lately found no room that pods with these devices would take, or look for
        it."""
        return any(self._is_short(namespace, name) for name in (ANY, *devices))

    def _is_short(self, namespace: str, name: str) -> bool:
        until, now = self._short.get((namespace, name)), self._clock()
        if until is None:
            return False
        if now < until:
            return True
        if self._is_lacking(namespace, name):
            self._short[namespace, name] = now + SHORT_SECONDS
            return True
        del self._short[namespace, name]
        return False

    def _is_lacking(self, namespace: str, name: str) -> bool:
        pods = any(name in pod.lacks for pod in self._store.pods() if pod.namespace == namespace)
        return pods or any(
            task.status.reason is Reason.QUOTA_EXCEEDED
            and not task.status.phase.is_terminal
            and name in lacking_of_quota(task.status.message or "")
            for task in self._store.tasks()
            if task.metadata.namespace == namespace
        )
