"""Per-subscriber buffer, conflated to the newest state of each task."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from django_tasks_kubernetes.codec.resource import Resource

# Resources that are kept for a slow reader. Of further tasks only the names are kept, and the reader reads them.
RESOURCES_MAX: Final = 100


class State(Enum):
    """The state of a task where the resource is not at hand."""

    MISSING = "missing"
    """The cluster has no such task."""
    DELETED = "deleted"
    """The cluster had the task, and it was deleted."""
    CHANGED = "changed"
    """The task has changed, and has to be read."""


@dataclass(slots=True)
class Pending:
    """What a subscriber has not taken yet."""

    states: dict[str, Resource | State] = field(default_factory=dict)
    """The newest state of each task that changed, by its name."""

    gap: bool = False
    """Whether further changes may have been missed, which only a list can show."""


class Subscription:
    """The changes of one task, or of all tasks that match. Thread-safe."""

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        name: str | None = None,
        queue: str | None = None,
        wants: Callable[[Resource], bool] = lambda resource: True,
    ) -> None:
        """`wake`: is called by any thread after a change, and must return at once. `name`: of the one task. `queue`:
        of the tasks, where it is known; tasks of other queues may be left out. `wants`: which tasks match, without a
        name."""
        self.name = name
        self.queue = queue
        self.wants = wants
        self.problem: Exception | None = None
        """Why the watch is interrupted; None while it is open."""
        self._wake = wake
        self._lock = threading.Lock()
        self._pending = Pending()
        self._version = 0
        self._error: Exception | None = None

    @property
    def version(self) -> int:
        """The newest resourceVersion of the one task that was put."""
        return self._version

    def put(self, name: str, version: int, state: Resource | State) -> None:
        """Adds a state that was read or watched. Of the one task, an older state than the newest is ignored."""
        with self._lock:
            if self.name is not None:
                if version <= self._version:
                    return
                self._version = version
            elif len(self._pending.states) >= RESOURCES_MAX and isinstance(state, dict):
                state = State.CHANGED
            self._pending.states[name] = state
        self._wake()

    def put_missing(self, as_of: int) -> None:
        """Adds that the one task does not exist, unless a newer version than `as_of` was put meanwhile."""
        with self._lock:
            if self._version != as_of or self.name is None:
                return
            self._pending.states[self.name] = State.DELETED if as_of else State.MISSING
        self._wake()

    def mark_gap(self) -> None:
        """Adds that changes may have been missed."""
        with self._lock:
            self._pending.gap = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """Ends the subscription: from now on take() raises the error."""
        with self._lock:
            self._error = error
        self._wake()

    def take(self) -> Pending:
        """Returns what is pending, and clears it. Raises the error that the subscription failed with."""
        with self._lock:
            if self._error is not None:
                raise self._error
            pending, self._pending = self._pending, Pending()
        return pending
