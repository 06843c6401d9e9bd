"""One process of the operator: its real store, lists, reconciler and reports, driven step by step."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import cast

from djangotasks_api.outcome import Outcome, ProgressReport
from djangotasks_operator import kinds
from djangotasks_operator.api import Api, ApiError
from djangotasks_operator.backlog import Backlog
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.leader import Work
from djangotasks_operator.mirror import Mirrors
from djangotasks_operator.observed import Pod
from djangotasks_operator.queue_keeper import NEWS_SECONDS, QueueKeeper
from djangotasks_operator.reconcile import Reconciler
from djangotasks_operator.reports import Reports, Stale
from djangotasks_operator.start import Starter
from djangotasks_operator.store import Key, Store
from djangotasks_operator.streams import Streams
from djangotasks_operator.tails import Tails
from djangotasks_operator.workqueue import WorkQueue
from tests.unit.operator.model.calls import Calls, Running, run
from tests.unit.operator.model.server import KINDS, ApiServer, Clock, Event

STARTING_LIMIT = 2
# A task that needs more than this to come to rest goes round in circles.
MAX_STEPS = 2000


class Timers(WorkQueue[Key]):
    """The work queue, by the simulated clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def add_after(self, key: Key, delay: float) -> None:
        if delay <= 0:
            self.add(key)
            return
        due = self._clock.seconds() + delay
        self._due[key] = min(due, self._due.get(key, due))

    def fire(self) -> None:
        for key, due in list(self._due.items()):
            if due <= self._clock.seconds():
                self.add(key)

    def next_due(self) -> float | None:
        return min(self._due.values(), default=None)

    def take(self) -> Key | None:
        self.fire()
        if not self._ready:
            return None
        key = self._ready.popleft()
        self._queued.discard(key)
        self._working.add(key)
        return key


class Remembering(Store):
    """Knows of which attempts (task's uid, number) it ever saw a Pod."""

    def __init__(self, changed: Callable[[Key], None], queue_news: Callable[[Key, bool], None]) -> None:
        super().__init__(changed, queue_news=queue_news)
        self.seen_pods: set[tuple[str, int]] = set()

    def put_pod(self, pod: Pod) -> None:
        self.seen_pods.add((pod.task_uid, pod.attempt))
        super().put_pod(pod)


class Replica:
    """`leads`: works off the queue. Every replica follows the watches and takes reports."""

    def __init__(self, server: ApiServer, *, leads: bool) -> None:
        self._server, self._clock = server, server.clock
        self.queue, self.expiry, self.news, self.queues = (Timers(self._clock) for _ in range(4))
        self.store = Remembering(self.queue.add, self._queue_news)
        self.running: list[Running] = []
        self._api = cast(Api, Calls(server))
        self._cluster = Cluster(self._api, self.store)
        self._reports = Reports(self._cluster, now=self._now)
        self._mirrors = Mirrors(self._api, self.store, Streams(), ())
        self._seen = dict.fromkeys(KINDS, len(server.events))
        self.leads = leads
        run(self._mirrors.list())
        if leads:
            self.lead()

    def lead(self) -> None:
        """From now on, with nothing taken over but the store."""
        self.leads = True
        for queue in self._all_queues():
            queue.clear()
        backlog: Backlog[Key, Key] = Backlog(STARTING_LIMIT)
        starter = Starter(self._cluster, "http://10.0.0.1", b"k" * 32)
        tails = Tails(self._cluster, self.queue, lambda work: self._begin(Running("a log", work)))
        self._keeper = QueueKeeper(self._cluster, starter, backlog, self.queues, now=self._now)
        self._reconciler = Reconciler(
            self._cluster, self.queue, backlog, starter, self.expiry, self.news, tails, self._keeper, now=self._now
        )
        run(self.resync())
        self._reconciler.take_stock()
        self._keeper.take_stock()

    def _queue_news(self, queue: Key, spec: bool) -> None:
        """As the app does."""
        if spec:
            self.queues.add(queue)
        elif self.store.queue(queue) is not None:
            self.queues.add_after(queue, NEWS_SECONDS)

    def close(self) -> None:
        """The process is gone, in the middle of whatever it did."""
        for running in self.running:
            running.coroutine.close()
        self.running.clear()

    async def resync(self) -> None:
        await self._mirrors.list()
        for key in self.store.all_keys():
            self.queue.add(key)

    def unseen(self, plural: str) -> bool:
        return any(event.plural == plural for event in self._server.events[self._seen[plural] :])

    def has_work(self) -> bool:
        for queue in self._all_queues():
            queue.fire()
        return any(len(queue) for queue in self._all_queues())

    def next_due(self) -> float | None:
        """When it will look at a task that is not finished, whatever happens."""
        return min((due for queue in (self.queue, self.news) if (due := queue.next_due()) is not None), default=None)

    def _all_queues(self) -> tuple[Timers, ...]:
        return self.queue, self.expiry, self.news, self.queues

    def see(self, plural: str, most: int | None = None) -> bool:
        """Takes the next events of a watch. True if there were some."""
        events = self._server.events
        position = self._seen[plural]
        any_unseen = self.unseen(plural)
        while position < len(events) and most != 0:
            if events[position].plural == plural:
                self._handle(events[position])
                most = None if most is None else most - 1
            position += 1
        self._seen[plural] = position
        return any_unseen

    def _handle(self, event: Event) -> None:
        kind = next(kind for kind in kinds.KINDS if kind.resource[1] == event.plural)
        kind.take(self.store, {"type": event.type, "object": event.body})

    def see_all(self) -> bool:
        return sum(self.see(plural) for plural in KINDS) > 0

    def begin_work(self) -> bool:
        """Takes a key from a queue. False if there is none."""
        if not self.leads:
            return False
        works: tuple[tuple[Timers, Work], ...] = (
            (self.queue, self._reconciler.reconcile),
            (self.expiry, self._reconciler.expire),
            (self.news, self._reconciler.tell),
            (self.queues, self._keeper.keep),
        )
        for queue, work in works:
            if (key := queue.take()) is not None:
                self._begin(Running(f"{work.__name__} {key.name}", self._work_on(queue, key, work)))
                return True
        return False

    def take_outcome(self, key: Key, uid: str, attempt: int, outcome: Outcome, answered: Callable[[int], None]) -> None:
        """`answered` is called with the HTTP status."""
        work = self._reports.outcome(key, uid, attempt, outcome)
        self._begin(Running(f"outcome of {key.name}-{attempt}", work, lambda error: answered(_http(error))))

    def take_progress(self, key: Key, uid: str, attempt: int, report: ProgressReport) -> None:
        work = self._reports._show_progress(key, uid, attempt, report)
        self._begin(Running(f"progress of {key.name}-{attempt}", work, _judge))

    def take_start(self, key: Key, uid: str, attempt: int, started_at: datetime) -> None:
        work = self._reports._show_running(key, uid, attempt, started_at)
        self._begin(Running(f"start of {key.name}-{attempt}", work))

    async def _work_on(self, queue: Timers, key: Key, work: Work) -> None:
        """As the leader does."""
        try:
            if await work(key):
                queue.succeeded(key)
            else:
                queue.retry(key)
        except (ApiError, TimeoutError):
            queue.retry(key)
        except Exception as error:  # noqa: BLE001 - a defect is to be shown, and the world goes on
            self._server.violations.append("".join(traceback.format_exception(error)))
            queue.retry(key)
        finally:
            queue.done(key)

    def _begin(self, running: Running) -> None:
        """Up to its first call."""
        if not running.step():
            self.running.append(running)

    def step(self, index: int, steps: int = 1) -> None:
        """Lets one of what runs go on, by so many calls at most."""
        for _ in range(steps):
            if self.running[index].step():
                del self.running[index]
                return

    def fail(self, index: int) -> None:
        """The call it is at fails."""
        if self.running[index].step(TimeoutError()):
            del self.running[index]

    def drain(self) -> bool:
        """Everything that can be done without another event or time. True if there was something."""
        steps: Counter[str] = Counter()
        while self.running or self.begin_work():
            steps[self.running[0].name if self.running else ""] += 1
            assert steps.total() < MAX_STEPS, f"no rest: {steps.most_common(3)}"
            if self.running:
                self.step(0)
        return bool(steps)

    def _now(self) -> datetime:
        return self._clock.now


def _judge(error: BaseException | None) -> None:
    """Whatever the endpoint answers, a report of progress that is lost costs nothing. Raises what it has no answer to."""
    _http(error)


def _http(error: BaseException | None) -> int:
    """As the endpoint answers it."""
    match error:
        case None:
            return 200
        case Stale():
            return 409
        case ApiError() | OSError() | TimeoutError():
            return 503
        case _:
            raise error
