"""Whether the watches still tell what there is to tell.

A watch that is silent for 70 s is opened again, by `mirror` and by kopf. This is the second line, and asks for
no more than the truth: the answers to our own reads and writes name versions of objects, and a watch that works must
soon tell of these or of later ones. Where it does not, and a list shows that the object is still there, it is stuck.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

# A watch is opened again after 70 s without an event or bookmark: that gets its chance first.
GRACE_SECONDS = 120.0


@dataclass(slots=True)
class Expected:
    """The watch has not told of this object's version yet. `confirmed`: a list that began later than the grace time
    still has the object."""

    uid: str
    version: int
    since: float
    confirmed: bool = False


@dataclass(slots=True)
class Stream:
    """One watch. `version`: the highest it told of. `heard`: when it told something. `fresh`: when it was last known
    that nothing is missing."""

    heard: float
    fresh: float
    version: int = 0
    expected: Expected | None = None

    def overdue(self, now: float) -> bool:
        """It is silent, although it has something to tell. A busy one that lags behind is not overdue."""
        return self.expected is not None and now - max(self.expected.since, self.heard) > GRACE_SECONDS


@dataclass(slots=True)
class Streams:
    """All watches. `namespaces`: those that have watches of their own; empty where one watch is for all."""

    namespaces: tuple[str, ...] = ()
    clock: Callable[[], float] = time.monotonic
    _streams: dict[tuple[str, str], Stream] = field(default_factory=dict)

    def told(self, resource: str, namespace: str, version: str) -> None:
        """An event came."""
        stream = self._stream(resource, namespace)
        stream.heard = stream.fresh = self.clock()
        stream.version = max(stream.version, int(version or 0))
        if stream.expected is not None and stream.expected.version <= stream.version:
            stream.expected = None

    def expect(self, resource: str, namespace: str, uid: str, version: str) -> None:
        """Something else than the watch showed this version. The oldest that is missing is what counts."""
        stream = self._stream(resource, namespace)
        if stream.expected is None and int(version or 0) > stream.version:
            stream.expected = Expected(uid, int(version), self.clock())

    def gone(self, resource: str, namespace: str, uid: str) -> None:
        """There will be no event of this version any more: a new watch begins with what there is."""
        stream = self._stream(resource, namespace)
        if stream.expected is not None and stream.expected.uid == uid:
            stream.expected = None

    def listed(self, began: float) -> None:
        """Everything was listed since `began`: what is gone was taken out, what is left is really missing."""
        for stream in self._streams.values():
            if stream.expected is None:
                stream.fresh = max(stream.fresh, began)
            elif stream.overdue(began):
                stream.expected.confirmed = True

    def suspicious(self) -> bool:
        """A list should be made soon, to confirm or to clear a suspicion."""
        now = self.clock()
        return any(
            stream.overdue(now) and stream.expected is not None and not stream.expected.confirmed
            for stream in self._streams.values()
        )

    def problem(self) -> str | None:
        """Which watches are stuck."""
        now = self.clock()
        stuck = sorted(
            {
                resource
                for (resource, _), stream in self._streams.items()
                if stream.expected is not None and stream.expected.confirmed and stream.overdue(now)
            }
        )
        return f"watches: {', '.join(stuck)} silent, with something to tell" if stuck else None

    def ages(self) -> dict[str, float]:
        """Seconds since it was last known that nothing is missing, by resource: the oldest of its watches."""
        now = self.clock()
        ages: dict[str, float] = {}
        for (resource, _), stream in self._streams.items():
            ages[resource] = max(ages.get(resource, 0.0), now - stream.fresh)
        return ages

    def _stream(self, resource: str, namespace: str) -> Stream:
        key = (resource, namespace if self.namespaces else "")
        if (stream := self._streams.get(key)) is None:
            now = self.clock()
            stream = self._streams[key] = Stream(heard=now, fresh=now)
        return stream
