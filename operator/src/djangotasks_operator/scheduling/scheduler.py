"""Decide which waiting tasks start now: by priority and age in a queue, by weight among queues, within limits. Pure.

Knows keys only. A key waits, is admitted, or is unknown. A task that is in progress is admitted, by
this leader or an earlier one.
"""

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from djangotasks_api.bounds import RATE_LIMIT_PERIOD_SECONDS
from djangotasks_operator.scheduling.heads import Heads
from djangotasks_operator.scheduling.line import Line, SortKey
from djangotasks_operator.scheduling.recovery import LAST_WAIT, Recovery

# One part in so many of the tasks on their way to a pod is never one queue's, so that another one always finds a place:
# starts may take long, as with a webhook that does not answer.
RESERVE = 8
# Of a rate, in seconds.
LONGEST_PERIOD = RATE_LIMIT_PERIOD_SECONDS.most
# Seconds by which a sum of times may be wrong.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueQuota:
    """How many tasks of a queue may start."""

    concurrency: int | None = None
    """Admitted tasks at once; None for any number."""
    weight: float = 1
    rate: tuple[int, float] | None = None
    """So many starts in so many seconds."""
    suspended: bool = False


UNLIMITED = QueueQuota()


class Scheduler[K: Hashable, Q: Hashable]:
    """The waiting and the admitted tasks of all queues."""

    def __init__(self, starting_limit: int, group: Callable[[Q], Hashable] | None = None) -> None:
        """`starting_limit`: how many admitted tasks may be on their way to a pod at once, in all queues together. So a
        burst starts in order of priority, and not all at the same time. `group`: of a queue. Groups have equal shares,
        however many queues they have, and whatever weight these have among them."""
        self._starting_limit = starting_limit
        self._group: Callable[[Q], Hashable] = group or (lambda _: None)
        # More than one of its queues may have.
        self._group_limit = starting_limit - (starting_limit // (2 * RESERVE) if group else 0)
        self._queue_limit = max(starting_limit - max(starting_limit // RESERVE, 1), 1)
        self._waiting: Line[K, Q] = Line()
        # Those whose start failed lately, and which of them have lined up again since.
        self._again: Line[K, Q] = Line()
        self._lined_up: set[K] = set()
        self._admitted: dict[K, Q] = {}
        self._counts: Counter[Q] = Counter()
        self._starting: dict[K, Q] = {}
        self._starts: dict[Q, deque[float]] = {}
        # When those on their way to a pod were counted for the rate.
        self._noted: dict[K, float] = {}
        self._recoveries: dict[Q, Recovery[K]] = {}
        # The queues that may start something: all others could not, and nothing of theirs has changed since. So queues
        # that are held or full, of which there may be thousands, take no time from those that go on.
        self._changed: dict[Q, None] = {}
        # Those of the others that only have to wait, until when; and of which of them `delayed` has not reported yet.
        self._delayed: dict[Q, float] = {}
        self._unreported: dict[Q, None] = {}

    def waiting(self) -> int:
        """How many tasks wait for admission."""
        return len(self._waiting) + len(self._again)

    def is_admitted(self, key: K) -> bool:
        return key in self._admitted

    @property
    def starting(self) -> int:
        """How many admitted tasks are on their way to a pod."""
        return len(self._starting)

    def is_starting(self, key: K) -> bool:
        """Whether the task was admitted, and is on its way to a pod."""
        return key in self._starting

    def enqueue(self, key: K, queue: Q, position: SortKey) -> None:
        """Let a task that is ready to start wait for admission, unless it is admitted already."""
        if key in self._again:
            self._again.put(key, queue, position)
            self._lined_up.add(key)
        elif key not in self._admitted:
            self._waiting.put(key, queue, position)
        self.limits_changed(queue)

    def limits_changed(self, queue: Q) -> None:
        """Look at the queue again: its quota may be another one."""
        self._changed[queue] = None

    def mark_admitted(self, key: K, queue: Q) -> None:
        """Count a task that is in progress, whether the limits allow it or not. It is no longer on its way to a pod."""
        self._leave(key)
        self._noted.pop(key, None)
        self.limits_changed(queue)
        if self._starting.pop(key, None) is not None and (recovery := self._recoveries.get(queue)) is not None:
            if (odd := recovery.started()) is not None:
                self._set_apart(odd)
            if recovery.width >= self._queue_limit:
                del self._recoveries[queue]
        if key not in self._admitted:
            self._admitted[key] = queue
            self._counts[queue] += 1

    def forget(self, key: K) -> bool:
        """Remove a task that neither waits nor runs. Returns whether it was admitted."""
        self._leave(key)
        self._starting.pop(key, None)
        self._noted.pop(key, None)
        queue = self._admitted.pop(key, None)
        if queue is None:
            return False
        self.limits_changed(queue)
        self._counts[queue] -= 1
        if not self._counts[queue]:
            del self._counts[queue]
        return True

    def refuse(
        self, key: K, queue: Q, position: SortKey, now: float, at_most: float = LAST_WAIT, *, counts: bool = False
    ) -> None:
        """Take back the admission of a task that could not be started, and admit nothing of the queue for a while, and
        then one task at a time: the next start may fail for the same reason. `counts`: for the rate, as nobody knows
        whether it has started all the same."""
        noted_at = self._noted.pop(key, None)
        if noted_at is not None and not counts:
            with contextlib.suppress(KeyError, ValueError):
                self._starts[queue].remove(noted_at)
        self.forget(key)
        self._again.put(key, queue, position)
        self.limits_changed(queue)
        if queue not in self._recoveries:
            self._forget_idle(now)
            self._recoveries[queue] = Recovery(now)
        self._recoveries[queue].refuse(key, now, at_most)

    def try_again(self, queue: Q) -> None:
        """Admit tasks of the queue again, the first of all first: there may be room, or it has changed."""
        self.limits_changed(queue)
        if (recovery := self._recoveries.get(queue)) is not None:
            recovery.room()

    def note_start(self, queue: Q, at: float) -> None:
        """Count a start for the queue's rate. Starts must be noted in order of time."""
        if queue not in self._starts:
            self._forget_idle(at)
            self._starts[queue] = deque()
        self._starts[queue].append(at)

    def admit(self, quota_of: Callable[[Q], QueueQuota], now: float = 0.0) -> list[K]:
        """Admit as many tasks as the limits allow: of the group that has the fewest on their way to a pod, there of the
        queue that has the fewest for its weight, and there the first. `now`: in seconds, of any clock."""
        admitted: list[K] = []
        if len(self._starting) >= self._starting_limit:
            return admitted
        for queue in [queue for queue, until in self._delayed.items() if until <= now + ROUNDING]:
            self.limits_changed(queue)
        heads: Heads[K, Q] = Heads(self._group, self._group_limit, self._starting.values())

        def line_up(queue: Q) -> None:
            if (head := self._next(queue, quota := quota_of(queue), heads.starting[queue], now)) is not None:
                heads.put(queue, quota.weight, *head)

        for queue in tuple(self._changed):
            if heads.has_room(queue):
                line_up(queue)
        while len(self._starting) < self._starting_limit and (head := heads.pop()) is not None:
            key, queue = head
            if (recovery := self._recoveries.get(queue)) is not None:
                recovery.admit(key)
            self._leave(key)
            self._admitted[key] = queue
            self._counts[queue] += 1
            self._starting[key] = queue
            if quota_of(queue).rate is not None:
                self.note_start(queue, now)
                self._noted[key] = now
            admitted.append(key)
            line_up(queue)
        return admitted

    def delayed(self, quota_of: Callable[[Q], QueueQuota], now: float) -> list[tuple[K, float]]:
        """The first task of each queue that only has to wait, for the queue's rate or after a start that failed, and in
        how many seconds it may start. Reports it once, unless something of the queue changes."""
        queues, self._unreported = self._unreported, {}
        return [
            (head[1], delay)
            for queue in queues
            if self._has_slot(queue, quota := quota_of(queue)) and (delay := self._delay(queue, quota, now)) > 0
            if (head := self._head(queue)) is not None
        ]

    def free_slots(self, queue: Q, quota: QueueQuota, now: float) -> float:
        """How many more tasks its quota would let start now; infinite without a concurrency."""
        if quota.suspended or self._rate_delay(queue, quota, now) > 0:
            return 0.0
        return float("inf") if quota.concurrency is None else max(quota.concurrency - self._counts[queue], 0)

    def _has_slot(self, queue: Q, quota: QueueQuota) -> bool:
        return not quota.suspended and (quota.concurrency is None or self._counts[queue] < quota.concurrency)

    def _delay(self, queue: Q, quota: QueueQuota, now: float) -> float:
        """The seconds until one more task may start."""
        recovery = self._recoveries.get(queue)
        return max(self._rate_delay(queue, quota, now), 0.0 if recovery is None else recovery.until - now)

    def _rate_delay(self, queue: Q, quota: QueueQuota, now: float) -> float:
        """The seconds until one more start would be within the rate, in every period."""
        if quota.rate is None:
            return 0.0
        number, period = quota.rate
        starts = self._starts.get(queue, deque())
        while starts and starts[0] + period <= now:
            starts.popleft()
        return 0.0 if len(starts) < number else starts[-number] + period - now

    def _next(self, queue: Q, quota: QueueQuota, starting: int, now: float) -> tuple[SortKey, K] | None:
        """The task of the queue that may be admitted now. Where there is none, the queue is left alone until something
        of it changes. `starting`: how many of the queue are on their way to a pod."""
        recovery = self._recoveries.get(queue)
        width = self._queue_limit if recovery is None else recovery.width
        self._delayed.pop(queue, None)
        if self._has_slot(queue, quota) and (head := self._head(queue)) is not None:
            if (delay := self._delay(queue, quota, now)) > 0:
                self._delayed[queue] = now + delay
                self._unreported[queue] = None
            elif starting < width:
                return head
        self._changed.pop(queue, None)
        return None

    def _head(self, queue: Q) -> tuple[SortKey, K] | None:
        """The task that is to be admitted next."""
        waiting, again = self._waiting.head(queue), self._again.head(queue)
        if waiting is None or again is None:
            return waiting or again
        recovery = self._recoveries.get(queue)
        return waiting if recovery is not None and recovery.yields else min(waiting, again)

    def _forget_idle(self, now: float) -> None:
        """Forget the starts and the failures of queues that say nothing any more: most of these queues are gone."""
        for queue in [
            queue for queue, starts in self._starts.items() if not starts or starts[-1] + LONGEST_PERIOD < now
        ]:
            del self._starts[queue]
        for queue in [queue for queue, recovery in self._recoveries.items() if recovery.until + LAST_WAIT < now]:
            if not (self._waiting.has_any(queue) or self._again.has_any(queue) or queue in self._counts):
                del self._recoveries[queue]

    def _leave(self, key: K) -> None:
        for place in (self._waiting.pop(key), self._again.pop(key)):
            if place is not None:
                self.limits_changed(place[0])
        self._lined_up.discard(key)

    def _set_apart(self, key: K) -> None:
        """Let the task wait until it lines up again by itself, unless it has done so already."""
        place, lined_up = self._again.pop(key), key in self._lined_up
        self._lined_up.discard(key)
        if place is not None and lined_up:
            self._waiting.put(key, *place)
