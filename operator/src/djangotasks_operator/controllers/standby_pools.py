"""What this leader remembers of each queue's standby pods."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Container
from dataclasses import dataclass, field

from djangotasks_api.models import DjangoTask
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.runtime.rate_limit import TokenBucket
from djangotasks_operator.scheduling.standby_pool import Pool

# Pods that are made at once, and a second, for one queue: more would take the CPU that their tasks need.
BURST, PER_SECOND = 4, 2.0
# Modules that new pods import where the queue names none: those of so many different tasks.
RECENT_MAX = 16
# How soon to see again whether tasks are on their way, and for how long they come first.
BUSY_SECONDS, BUSY_MOST = 0.5, 30.0
# How long none is made after a policy has refused to let one be claimed: each would be made in vain.
REFUSED_SECONDS = 300.0
# After how long it is said of a pod that runs that it has not asked for a task.
SILENT_SECONDS = 120.0
SILENT = (
    "Starting",
    f"A standby pod has run for {SILENT_SECONDS:.0f} s and has not asked for a task: Django is still being set up, or "
    "the pod does not reach the operator's pods, which a NetworkPolicy may forbid.",
)
STUCK = (
    "Failing",
    "A standby pod had run for long and had not asked for a task, and was deleted: a module may hang as it is "
    "imported, or ready(), or the pod does not reach the operator's pods, which a NetworkPolicy may forbid.",
)
UNLABELLED = (
    "Failing",
    "A standby pod was stored without the labels or the owner by which the operator finds it, and was deleted again: "
    "look for a webhook or a policy that changes them.",
)


@dataclass(slots=True)
class QueuePool:
    """Of one queue."""

    pace: TokenBucket
    pool: Pool = field(default_factory=Pool)
    problem: tuple[str, str] | None = None
    """Why pods do not come to wait: a reason and a message."""
    created_at: dict[str, float] = field(default_factory=dict)
    """When each pod was made that has not come to wait, by name."""
    _silent_since: float | None = None
    _quiet_since: dict[str, float] = field(default_factory=dict)
    _made_of: str | None = None
    _busy_since: float | None = None
    _modules: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def note(self, task: DjangoTask, now: float) -> None:
        """A task has come that one of the pods could run."""
        self.pool.arrivals.note(now)
        module = task.spec.task.rpartition(".")[0]
        self._modules[module] = None
        self._modules.move_to_end(module)
        if len(self._modules) > RECENT_MAX:
            self._modules.popitem(last=False)

    def making(self, hash_: str) -> None:
        """Pods are made of this from now on: failures of others say nothing of them."""
        if self._made_of not in (None, hash_):
            self.pool.forgive()
        self._made_of = hash_

    def failed(self, problem: tuple[str, str], now: float) -> None:
        """A pod has ended before there was a task, or is gone."""
        self.problem = problem
        self.pool.failed(now)
        # One of them may have ended it.
        self._modules.clear()

    def silent(self, now: float, *, only: bool) -> None:
        """Say so where none of the pods asks for long. `only`: there are pods that run, and none that waits."""
        if not only:
            self._silent_since = None
            self.problem = None if self.problem is SILENT else self.problem
        elif self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since >= SILENT_SECONDS:
            self.problem = self.problem or SILENT

    def stuck(self, quiet: Collection[str], start_seconds: float, now: float) -> set[str]:
        """Those that have been quiet for as long as a pod may take to start. `quiet`: all that run and do not ask now,
        by name."""
        self._quiet_since = {name: self._quiet_since.get(name, now) for name in quiet}
        most = max(start_seconds, SILENT_SECONDS)
        return {name for name, since in self._quiet_since.items() if now - since >= most}

    def lost(self, there: Container[str], now: float) -> None:
        """Find pods that somebody has deleted before they came to wait, or changed so that they are none. Made again at
        once, there would be no end of it. `there`: the names of all."""
        gone = [name for name in self.created_at if name not in there]
        for name in gone:
            del self.created_at[name]
        if gone:
            self.failed(("Failing", "A standby pod was deleted before it came to wait, or was changed."), now)

    def came(self, name: str, now: float) -> float | None:
        """A pod waits. Returns how long it took to, where that is known."""
        if (created_at := self.created_at.pop(name, None)) is None:
            return None
        self.pool.started(now - created_at)
        if not self.pool.delay(now):
            self.problem = None
        return now - created_at

    @property
    def has_yielded(self) -> bool:
        """Whether tasks have come first that may still be on their way."""
        return self._busy_since is not None

    def yields(self, *, busy: bool, now: float) -> float:
        """For how long the next pod is not made yet, because tasks are on their way to pods of their own (`busy`). Not
        for ever: where there are always such tasks, they need standby pods more than any."""
        if not busy:
            self._busy_since = None
            return 0.0
        if self._busy_since is None:
            self._busy_since = now
        return BUSY_SECONDS if now - self._busy_since < BUSY_MOST else 0.0

    def refused(self, message: str, now: float) -> None:
        """The API server does not let a pod be claimed."""
        self.problem = "ClaimRefused", f"The API server refuses to give a standby pod to a task: {message}"
        self.pool.pause(now + REFUSED_SECONDS)

    @property
    def modules(self) -> tuple[str, ...]:
        """Of the tasks that came last."""
        return tuple(self._modules)


class StandbyPools:
    """One instance a term."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._of: dict[Key, QueuePool] = {}

    def of(self, queue: Key) -> QueuePool:
        if (known := self._of.get(queue)) is None:
            known = self._of[queue] = QueuePool(TokenBucket(BURST, PER_SECOND, self.clock))
        return known

    def forget(self, queue: Key) -> None:
        self._of.pop(queue, None)
