"""How many standby pods a queue needs, and which of them it keeps. Pure; times are seconds of any clock.

The pool is as large as the tasks are many that come while a pod is started, and three standard deviations
more (arrivals that are independent of each other vary by the root of their number).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

DEVIATIONS = 3.0
NOTHING = 0.25
# How far back arrivals count: the higher of two rates, so that it rises quickly and falls slowly.
RATE_SECONDS = (60.0, 15.0)
# How long a pod takes from its creation to its first request, until that was measured; and what is believed of it.
REFILL_SECONDS, REFILL_LEAST, REFILL_MOST = 3.0, 0.2, 120.0
# The weight of the latest of these times.
REFILL_WEIGHT = 0.3
# From one pod that is not needed any more to the next that is deleted.
SHRINK_SECONDS = 10.0
# The first wait after a standby pod that failed, and the longest.
BACKOFF_FIRST, BACKOFF_LAST = 1.0, 300.0


def target(rate: float, refill: float, least: int, most: int) -> int:
    """How many there should be. `rate`: tasks a second. `refill`: the seconds to start a pod."""
    coming = rate * refill
    # A rate decays, and is never 0 again: what is next to nothing needs none.
    needed = math.ceil(coming + DEVIATIONS * math.sqrt(coming) - NOTHING)
    return min(max(needed, least), most)


class Member(NamedTuple):
    """A standby pod that no task has claimed."""

    name: str
    age: float
    fresh: bool
    """It is made of what a pod would be made of now."""
    ready: bool
    """It waits for a task."""


class Plan(NamedTuple):
    """What to do with a pool."""

    create: int = 0
    delete: tuple[str, ...] = ()
    shrinks: bool = False
    """One of those to be deleted is only not needed."""


def plan(
    members: Sequence[Member], wanted: int, max_age: float, *, most: float = math.inf, may_shrink: bool = False
) -> Plan:
    """Stale ones go at once, since no task may claim them, and so do those beyond `most`. Old ones go when others are
    ready in their place, one after the other, so that there is never none. `members`: those that live, the oldest
    first."""
    stale = [member.name for member in members if not member.fresh]
    fresh = [member for member in members if member.fresh]
    young = [member for member in fresh if member.age < max_age]
    old = [member for member in fresh if member.age >= max_age]
    ready = sum(member.ready for member in young)
    spare = max(ready + len(old) - wanted, 0)
    # Twice as old: no other can be made in its place, and no task is to get what its Secrets were so long ago.
    too_old = {member.name for member in old if member.ready and member.age >= 2 * max_age}
    replaced = [member.name for index, member in enumerate(old) if index < spare or member.name in too_old]
    missing = max(wanted - len(young), 0)
    # At most one more than wanted: the one that takes the place of an old one.
    create = min(missing, max(wanted + 1 - len(fresh), 0)) if old else missing
    # Those that are still being started first, and then the oldest.
    least = sorted(young, key=lambda member: (member.ready, -member.age))
    beyond = len(fresh) - len(replaced) - most - (len(old) > len(replaced))
    if beyond > 0:
        return Plan(0, (*stale, *replaced, *(member.name for member in least[: int(beyond)])))
    if len(young) > wanted and may_shrink:
        return Plan(create, (*stale, *replaced, least[0].name), shrinks=True)
    return Plan(create, (*stale, *replaced))


@dataclass(slots=True)
class Arrivals:
    """The rate of tasks, by sums that decay."""

    _sums: tuple[float, ...] = (0.0,) * len(RATE_SECONDS)
    _at: float = 0.0

    def note(self, now: float) -> None:
        """A task has come."""
        self._sums, self._at = tuple(decayed + 1 for decayed in self._decayed(now)), now

    def rate(self, now: float) -> float:
        """Tasks a second."""
        return max(decayed / seconds for decayed, seconds in zip(self._decayed(now), RATE_SECONDS, strict=True))

    def _decayed(self, now: float) -> list[float]:
        passed = max(now - self._at, 0.0)
        return [of * math.exp(-passed / seconds) for of, seconds in zip(self._sums, RATE_SECONDS, strict=True)]


@dataclass(slots=True)
class Pool:
    """What is remembered of one queue's pool."""

    arrivals: Arrivals = field(default_factory=Arrivals)
    refill: float = REFILL_SECONDS
    """Seconds from the creation of a pod to its first request, as they were lately."""
    failures: int = 0
    """Pods that ended, or never came to wait, since one did."""
    _not_before: float = 0.0
    _paused_until: float = 0.0
    _surplus_since: float | None = None
    _shrunk_at: float = -math.inf

    def started(self, seconds: float) -> None:
        """A pod waits for the first time, so long after it was created."""
        seconds = min(max(seconds, REFILL_LEAST), REFILL_MOST)
        self.refill += REFILL_WEIGHT * (seconds - self.refill)
        self.failures, self._not_before = 0, 0.0

    def failed(self, now: float) -> None:
        """A pod has ended, or cannot be made. The next one waits for longer each time. Those that fail meanwhile were
        made before, and have failed of the same."""
        if now < self._not_before:
            return
        self._not_before = now + min(BACKOFF_FIRST * 2.0 ** min(self.failures, 20), BACKOFF_LAST)
        self.failures += 1

    def pause(self, until: float) -> None:
        """Make none before, whatever starts meanwhile."""
        self._paused_until = max(self._paused_until, until)

    def forgive(self) -> None:
        """What is made from now on is another pod."""
        self.failures, self._not_before, self._paused_until = 0, 0.0, 0.0

    def delay(self, now: float) -> float:
        """In how many seconds the next pod may be made."""
        return max(self._not_before - now, self._paused_until - now, 0.0)

    def may_shrink(self, surplus: int, idle_seconds: float, now: float) -> bool:
        """Whether one that is not needed may go: when there have been such for long, and one after the other."""
        if surplus <= 0:
            self._surplus_since = None
            return False
        if self._surplus_since is None:
            self._surplus_since = now
        return now - self._surplus_since >= idle_seconds and now - self._shrunk_at >= SHRINK_SECONDS

    def shrunk(self, now: float) -> None:
        """One that is not needed was deleted."""
        self._shrunk_at = now
