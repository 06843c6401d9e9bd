"""Takes a task's key, and does what `decide` says until there is nothing left to do."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from djangotasks_api.models import DjangoTask, LogTail, TaskStatus
from djangotasks_api.names import job_name
from djangotasks_operator import transitions
from djangotasks_operator.api import ApiError, is_refusal
from djangotasks_operator.backlog import NO_AGEING, UNLIMITED, Backlog, Share, order
from djangotasks_operator.bucket import Bucket
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.decide import decide
from djangotasks_operator.decisions import (
    AwaitSlot,
    Decision,
    DeletePod,
    DeleteTask,
    FinishJob,
    Start,
    Tell,
    Wait,
    WriteStatus,
)
from djangotasks_operator.keeplog import KeepLog, ReadLog, log_first
from djangotasks_operator.manifests import job_status
from djangotasks_operator.policy import share_of
from djangotasks_operator.queue_keeper import QueueKeeper
from djangotasks_operator.snapshot import Snapshot
from djangotasks_operator.start import NotYet, Refused, Starter
from djangotasks_operator.store import Key
from djangotasks_operator.tails import Tails
from djangotasks_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)

# A task needs a handful of steps at a time; more would be a decision that undoes itself.
MAX_STEPS = 20
# Of what nobody waits for, so much is told at once, and a second: in a burst that takes the cluster its time, it would
# be two writes more a task, which make it take longer.
NEWS_BURST = 100
NEWS_PER_SECOND = 10.0


class Reconciler:
    """Level-triggered: it does not matter which event put the key on the queue, or how often.

    `expiry`: where finished tasks wait for their time. Ten thousand that expire at the same second are no matter of
    the queue, whose keys have somebody waiting for them. `news`: the tasks with something to tell that is in no hurry.
    `keeper`: is told what happens to the tasks of each queue.
    """

    def __init__(
        self,
        cluster: Cluster,
        queue: WorkQueue[Key],
        backlog: Backlog[Key, Key],
        starter: Starter,
        expiry: WorkQueue[Key],
        news: WorkQueue[Key],
        tails: Tails,
        keeper: QueueKeeper,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._queue = queue
        self._backlog = backlog
        self._starter = starter
        self._expiry = expiry
        self._news = news
        self._pace = Bucket(NEWS_BURST, NEWS_PER_SECOND, time.monotonic)
        self._tails = tails
        self._keeper = keeper
        self._now = now

    def take_stock(self) -> None:
        """Before the first start: tasks in progress take their places, and the waiting ones line up. Otherwise those
        that happen to come first would be started in places that are taken."""
        now = self._now()
        # What was reported while nobody led may be lost.
        self._store.listening_since = now
        self._count_starts()
        for key in self._store.all_keys():
            snapshot = self._store.snapshot(key, admitted=False)
            if snapshot is None:
                continue
            if snapshot.in_progress:
                self._backlog.occupy(key, Key(key.namespace, snapshot.task.spec.queue))
                continue
            try:
                decision = decide(snapshot, now)
            except Exception:
                # One task must not keep the leader from all others. It is decided on again, and told of, in its turn.
                logger.exception("%s: a defect", key)
                continue
            if isinstance(decision, AwaitSlot):
                self._line_up(key, snapshot.task)
        self._admit()

    async def reconcile(self, key: Key) -> bool:
        """True when there is nothing more to do for now. False when the task could not be started, and raises what
        went wrong: the caller tries again, later each time."""
        try:
            for _ in range(MAX_STEPS):
                snapshot = await self._observe(key)
                if snapshot is None:
                    self._backlog.release(key)
                    self._tails.forget(key)
                    return True
                if await self._step(key, snapshot):
                    return True
            raise RuntimeError(f"no end after {MAX_STEPS} steps")
        except NotYet:
            return False
        finally:
            self._admit()

    async def expire(self, key: Key) -> bool:
        """Deletes a finished task whose time is over, if that is still so. True: there is nothing more to do."""
        snapshot, now = self._store.snapshot(key, admitted=False), self._now()
        if snapshot is not None and isinstance(decision := decide(snapshot, now), DeleteTask):
            if now >= decision.at:
                await self._cluster.delete_task(snapshot.task, surplus=snapshot.surplus)
            else:
                self._expiry.add_after(key, (decision.at - now).total_seconds())
        return True

    async def tell(self, key: Key) -> bool:
        """Writes what is in no hurry, if it is still news when its turn comes. True: there is nothing more to do."""
        while (snapshot := self._store.snapshot(key, admitted=False)) is not None and isinstance(
            decision := decide(snapshot, self._now()), Tell
        ):
            if not (delay := self._pace.wait()):
                await self._write(key, snapshot.task, decision.status)
                break
            await asyncio.sleep(delay)
        return True

    async def _observe(self, key: Key) -> Snapshot | None:
        admitted = self._backlog.has_place(key)
        snapshot = self._store.snapshot(key, admitted=admitted)
        if snapshot is None:
            return None
        number = snapshot.number
        if (
            transitions.open_attempt(snapshot.task.status) is not None
            and number not in snapshot.pods
            and number not in snapshot.lost
        ):
            # The status says that there was a Pod. Before it is called lost, look for it.
            if await self._cluster.find_pod(key, job_name(key.name, number)) is None:
                self._store.mark_lost(key, number)
            snapshot = self._store.snapshot(key, admitted=admitted)
        return snapshot

    async def _step(self, key: Key, snapshot: Snapshot) -> bool:
        """Makes one decision, and carries it out. True when there is nothing more to do for now."""
        task, now = snapshot.task, self._now()
        queue = Key(key.namespace, task.spec.queue)
        self._keeper.look(queue)
        if snapshot.in_progress:
            self._backlog.occupy(key, queue)
        decision = decide(snapshot, now)
        first = log_first(snapshot, self._tails.of(key, snapshot), decision, now) or decision
        if isinstance(first, ReadLog | KeepLog):
            await self._see_to_log(key, task, first)
            return False
        return await self._carry_out(key, snapshot, first, now)

    async def _carry_out(self, key: Key, snapshot: Snapshot, decision: Decision, now: datetime) -> bool:
        task = snapshot.task
        match decision:
            case Wait(until) | AwaitSlot(until) | Tell(_, until):
                self._let_rest(key, snapshot, decision)
                if until is not None:
                    self._queue.add_after(key, (until - now).total_seconds())
                return True
            case Start(number):
                return await self._start(key, snapshot, number)
            case WriteStatus(status):
                await self._write(key, task, status)
                return False
            case FinishJob(job, attempt):
                pod = snapshot.pods.get(attempt.number)
                started_at = attempt.started_at or (pod.created_at if pod else now)
                await self._cluster.finish_job(job, job_status(attempt, started_at, now))
                return False
            case DeletePod(pod):
                return await self._cluster.delete_pod(pod)
            case DeleteTask(at):
                self._backlog.release(key)
                self._expiry.add_after(key, (at - now).total_seconds())
                return True

    def _let_rest(self, key: Key, snapshot: Snapshot, decision: Wait | AwaitSlot | Tell) -> None:
        """There is nothing to do here before something changes."""
        if isinstance(decision, AwaitSlot):
            self._line_up(key, snapshot.task)
        elif isinstance(decision, Tell):
            self._news.add(key)
        elif not snapshot.in_progress:
            self._backlog.release(key)

    async def _start(self, key: Key, snapshot: Snapshot, number: int) -> bool:
        """Raises NotYet when the task says what it waits for."""
        task = snapshot.task
        try:
            await self._starter.start(snapshot, number)
        except Refused as refusal:
            status = transitions.died(
                key.name, task.status, refusal.reason, refusal.message, snapshot.limits, self._now()
            )
            await self._write(key, task, status)
        except NotYet as waits:
            self._backlog.release(key)
            if task.status.reason is not waits.reason:
                await self._write(key, task, transitions.waiting(task.status, waits.reason, waits.message))
            raise
        return False

    async def _write(self, key: Key, task: DjangoTask, status: TaskStatus) -> None:
        """Writes the status, unless the task has changed: then it is read anew, to be decided on again."""
        try:
            await self._cluster.write_status(task, status)
            self._keeper.note(task, status)
        except (ApiError, OSError, TimeoutError) as error:
            if isinstance(error, ApiError) and error.outdated:
                await self._cluster.refresh(key)
                return
            if not is_refusal(error):
                # Nor could what attempts report be stored: nobody is to be called silent for that.
                self._store.listening_since = self._now()
            raise

    async def _see_to_log(self, key: Key, task: DjangoTask, what: ReadLog | KeepLog) -> None:
        if isinstance(what, ReadLog):
            self._tails.begin(key, what)
            return
        tail = LogTail(attempt=what.attempt, text=what.text)
        try:
            await self._cluster.keep_tail(task, tail)
        except ApiError as error:
            if error.outdated:
                await self._cluster.refresh(key)
                return
            self._tails.refused(key, tail.attempt)
            raise

    def _line_up(self, key: Key, task: DjangoTask) -> None:
        since = task.spec.enqueued_at or task.metadata.creation_timestamp or self._now()
        queue = Key(key.namespace, task.spec.queue)
        found = self._store.queue(queue)
        ageing = NO_AGEING if found is None else found.spec.ageing_seconds
        self._backlog.offer(key, queue, order(task.spec.priority, since, key.name, ageing))

    def _admit(self) -> None:
        now = self._now().timestamp()
        for key in self._backlog.admit(self._share, now):
            self._queue.add(key)
        for key, seconds in self._backlog.held_by_rate(self._share, now):
            self._queue.add_after(key, seconds)

    def _share(self, queue: Key) -> Share:
        found = self._store.queue(queue)
        return UNLIMITED if found is None else share_of(found)

    def _count_starts(self) -> None:
        """What an operator before this one has started counts for the rate."""
        pods = sorted(self._store.pods(), key=lambda pod: pod.created_at)
        for pod in pods:
            task = self._store.task(Key(pod.namespace, pod.task))
            if task is not None and self._share(queue := Key(pod.namespace, task.spec.queue)).rate is not None:
                self._backlog.note_start(queue, pod.created_at.timestamp())
