"""Detect stalled watches: a version of an object that was seen elsewhere, and that the watch does not deliver.

A watch that is silent for 70 s is opened again by its reflector, and by kopf. This is the second line. It raises no
false alarm: the answers to our own reads and writes name versions of objects, and a watch that works soon delivers
these or later ones. Where it does not, and a list confirms that the object is still there, the watch is stalled.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

# How long a version may be missing. A watch is opened again after 70 s without an event or bookmark: that comes first.
GRACE_SECONDS = 120.0


@dataclass(slots=True)
class PendingVersion:
    """A version that the watch has not delivered yet."""

    uid: str
    version: int
    since: float
    confirmed: bool = False
    """A list that began after the grace time still has the object."""


@dataclass(slots=True)
class WatchState:
    """What is known of one watch."""

    last_event_at: float
    complete_at: float
    """When it was last known that no event is missing."""
    version: int = 0
    """The highest resource version that an event had."""
    pending: PendingVersion | None = None

    def overdue(self, now: float) -> bool:
        """Whether the watch is silent although a version is missing. A busy watch that lags behind is not overdue."""
        return self.pending is not None and now - max(self.pending.since, self.last_event_at) > GRACE_SECONDS


@dataclass(slots=True)
class WatchMonitor:
    """The state of all watches, by resource and namespace."""

    namespaces: tuple[str, ...] = ()
    """Those that have watches of their own; empty where one watch is for all."""
    clock: Callable[[], float] = time.monotonic
    unreadable: frozenset[str | None] = frozenset()
    """The namespaces that could not be read when that was last tried."""
    _states: dict[tuple[str, str], WatchState] = field(default_factory=dict)

    def observed(self, resource: str, namespace: str, version: str) -> None:
        """Note an event, or a bookmark, of the watch."""
        state = self._state(resource, namespace)
        state.last_event_at = state.complete_at = self.clock()
        state.version = max(state.version, int(version or 0))
        if state.pending is not None and state.pending.version <= state.version:
            state.pending = None

    def expect(self, resource: str, namespace: str, uid: str, version: str) -> None:
        """Note a version that came from elsewhere: the watch must deliver it. The oldest missing one counts."""
        state = self._state(resource, namespace)
        if state.pending is None and int(version or 0) > state.version:
            state.pending = PendingVersion(uid, int(version), self.clock())

    def forget(self, resource: str, namespace: str, uid: str) -> None:
        """Expect nothing of an object that is gone: a reopened watch begins with the existing objects."""
        state = self._state(resource, namespace)
        if state.pending is not None and state.pending.uid == uid:
            state.pending = None

    def listed(self, began: float, refused: Collection[str | None] = ()) -> None:
        """Note that everything was listed since `began`: objects that are still pending are really there. `refused`:
        the namespaces that cannot be read, of which nothing can be expected."""
        for (_, namespace), state in self._states.items():
            if namespace in refused:
                state.pending = None
            elif state.pending is None:
                state.complete_at = max(state.complete_at, began)
            elif state.overdue(began):
                state.pending.confirmed = True

    def needs_relist(self) -> bool:
        """Whether a list should be made soon, to confirm that a watch is stalled, or that it is not."""
        now = self.clock()
        return any(
            state.overdue(now) and state.pending is not None and not state.pending.confirmed
            for state in self._states.values()
        )

    def problem(self) -> str | None:
        """Name the watches that are stalled, for health."""
        now = self.clock()
        stalled = sorted(
            {
                resource
                for (resource, _), state in self._states.items()
                if state.pending is not None and state.pending.confirmed and state.overdue(now)
            }
        )
        return f"watches: {', '.join(stalled)} do not deliver what has changed" if stalled else None

    def ages(self) -> dict[str, float]:
        """Seconds since it was last known that no event is missing, by resource: of the oldest of its watches, those of
        namespaces that cannot be read apart."""
        now = self.clock()
        ages: dict[str, float] = {}
        for (resource, namespace), state in self._states.items():
            if namespace in self.unreadable:
                continue
            ages[resource] = max(ages.get(resource, 0.0), now - state.complete_at)
        return ages

    def _state(self, resource: str, namespace: str) -> WatchState:
        key = (resource, namespace if self.namespaces else "")
        if (state := self._states.get(key)) is None:
            now = self.clock()
            state = self._states[key] = WatchState(last_event_at=now, complete_at=now)
        return state
