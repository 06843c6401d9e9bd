"""Admission: who may start. Owns the scheduler, and admits what was in progress before this leader."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import cache

from djangotasks_api.models import DjangoTask
from djangotasks_operator.cache.keys import Key, queue_of
from djangotasks_operator.cache.store import Store
from djangotasks_operator.decide.actions import AwaitAdmission
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.runtime.workqueue import WorkQueue
from djangotasks_operator.scheduling.limits import quota_of
from djangotasks_operator.scheduling.line import NO_AGEING, SortKey, sort_key
from djangotasks_operator.scheduling.recovery import LAST_WAIT
from djangotasks_operator.scheduling.scheduler import UNLIMITED, QueueQuota, Scheduler
from djangotasks_operator.scheduling.timing import due_at
from djangotasks_operator.status.queue_status import count_tasks

logger = logging.getLogger(__name__)

# Admitted tasks on their way to a pod: as many as there are writes in flight. More at once would not start faster, and
# would leave less to priorities.
STARTING_LIMIT = 32
# Tasks that a new leader takes over before it lets others have the event loop: those who renew its lease, above all.
TAKEN_AT_ONCE = 100


class Admission:
    def __init__(
        self, store: Store, tasks: WorkQueue[Key], now: Callable[[], datetime], starting_limit: int = STARTING_LIMIT
    ) -> None:
        """`tasks`: gets the keys of admitted tasks."""
        self._store = store
        self._tasks = tasks
        self._now = now
        self._scheduler: Scheduler[Key, Key] = Scheduler(starting_limit, lambda queue: queue.namespace)
        # The tasks that could not be started, and have not lined up again, with their queues and places.
        self._failed: dict[Key, tuple[Key, SortKey]] = {}

    async def initialize(self) -> None:
        """Admit the tasks in progress, and let the waiting ones wait, before the first start: otherwise those that
        happen to come first would be started in slots that are taken."""
        await self._count_starts()
        await self._of_each(self._take_in)
        self.admit()

    async def _of_each(self, call: Callable[[Key], None]) -> None:
        """Call it with each task. One task must not keep the leader from all others: its own reconcile counts the
        defect."""
        for number, key in enumerate(self._store.all_keys(), start=1):
            try:
                call(key)
            except Exception:
                logger.exception("%s: a defect", key)
            if number % TAKEN_AT_ONCE == 0:
                # What changes meanwhile is reconciled.
                await asyncio.sleep(0)

    def _take_in(self, key: Key) -> None:
        """Admit a task that is in progress, and let one wait that may start."""
        if (pod := self._store.outliving(key)) is not None:
            self._scheduler.mark_admitted(key, Key(key.namespace, pod.queue))
        if (snapshot := self._store.snapshot(key)) is None:
            return
        if snapshot.in_progress:
            self.mark_admitted(key, snapshot.task)
        elif isinstance(decide(snapshot, self._now()), AwaitAdmission):
            self.enqueue(key, snapshot.task)

    def waiting(self) -> int:
        """How many tasks are ready to start and wait for admission."""
        return self._scheduler.waiting()

    def oldest_waiting(self, queue: Key) -> datetime | None:
        """Since when the longest-waiting task of the queue has been ready to start."""
        return count_tasks(self._store.unfinished(queue), self.is_admitted, self._now()).oldest

    def free_slots(self, queue: Key) -> float:
        """How many more tasks of the queue its limits would let start now; infinite without a concurrency."""
        return self._scheduler.free_slots(queue, self._quota(queue), self._now().timestamp())

    @property
    def starting(self) -> int:
        """How many tasks are on their way to a pod."""
        return self._scheduler.starting

    def is_admitted(self, key: Key) -> bool:
        return self._scheduler.is_admitted(key)

    def is_spent(self, key: Key) -> bool:
        """Whether the task was admitted for an attempt that has begun: the next one needs another admission."""
        return self._scheduler.is_admitted(key) and not self._scheduler.is_starting(key)

    def mark_admitted(self, key: Key, task: DjangoTask) -> None:
        """Count a task that is in progress, whether the limits allow it or not."""
        self._scheduler.mark_admitted(key, queue_of(task))

    def enqueue(self, key: Key, task: DjangoTask) -> None:
        """Let a task that is ready to start wait for admission."""
        self._failed.pop(key, None)
        self._scheduler.enqueue(key, queue_of(task), self._position(key, task))

    def forget(self, key: Key) -> None:
        """Remove a task that neither waits nor runs. Its slot is free, unless a pod has outlived its task."""
        self._failed.pop(key, None)
        if not (self._scheduler.is_admitted(key) and self._store.outliving(key) is not None):
            self._scheduler.forget(key)

    def attempt_ended(self, key: Key, task: DjangoTask) -> None:
        """Free the slot of a task whose attempt has ended. What its pod took of a quota is free as well: a queue that
        could not start for it is tried again."""
        self.forget(key)
        self._scheduler.try_again(queue_of(task))

    def start_failed(self, key: Key, task: DjangoTask, at_most: float = LAST_WAIT, *, refused: bool = False) -> None:
        """Free the slot of a task that could not be started, and slow its queue down: whatever is wrong with one queue
        takes no slot from others, and its tasks find out one by one whether it is well again. `at_most`: seconds.
        `refused`: it has certainly not started."""
        queue, position = queue_of(task), self._position(key, task)
        now = self._now().timestamp()
        self._scheduler.refuse(key, queue, position, now, at_most, counts=not refused)
        self._failed[key] = queue, position

    def name_free(self, task: DjangoTask) -> None:
        """Try again at once what waited for the name of its Job or Pod: it may be any of its queue."""
        self._scheduler.try_again(queue_of(task))

    def queue_ready(self, queue: Key) -> None:
        """Admit tasks of a queue at once that is ready now, and was not. Those whose start failed do not wait for the
        end of their backoff."""
        self._scheduler.try_again(queue)
        for key in [key for key, (its_queue, _) in self._failed.items() if its_queue == queue]:
            self._scheduler.enqueue(key, *self._failed.pop(key))
        self.admit()

    def limits_changed(self, queue: Key) -> None:
        """Admit tasks of a queue whose limits may be other ones."""
        self._scheduler.limits_changed(queue)
        self.admit()

    def admit(self) -> None:
        """Admit as many tasks as the limits allow, and wake up for those that only have to wait."""
        now = self._now().timestamp()
        # A queue is asked about several times for each start.
        quota_of_queue = cache(self._quota)
        for key in self._scheduler.admit(quota_of_queue, now):
            self._tasks.add(key)
        for key, seconds in self._scheduler.delayed(quota_of_queue, now):
            self._tasks.add_after(key, seconds)

    def _position(self, key: Key, task: DjangoTask) -> SortKey:
        found = self._store.queue(queue_of(task))
        ageing = NO_AGEING if found is None else found.spec.ageing_seconds
        return sort_key(task.spec.priority, due_at(task) or self._now(), key.name, ageing)

    def _quota(self, queue: Key) -> QueueQuota:
        found = self._store.queue(queue)
        return UNLIMITED if found is None else quota_of(found, self._store.holds.of(queue, self._now()))

    async def _count_starts(self) -> None:
        """Count the starts of the leader before this one for the queues' rates, by what is left of them."""
        now, starts = self._now(), list[tuple[datetime, Key]]()

        def count(key: Key) -> None:
            snapshot = self._store.snapshot(key)
            if snapshot is None or self._quota(queue := queue_of(snapshot.task)).rate is None:
                return
            # Of an attempt whose pod is gone the status says when it ran, or ended at least.
            attempts = snapshot.task.status.attempts
            recorded = {attempt.number: attempt.started_at or attempt.finished_at or now for attempt in attempts}
            created = {number: pod.created_at for number, pod in snapshot.pods.items()}
            starts.extend((min(at, now), queue) for at in (recorded | created).values())

        await self._of_each(count)
        for at, queue in sorted(starts):
            self._scheduler.note_start(queue, at.timestamp())
