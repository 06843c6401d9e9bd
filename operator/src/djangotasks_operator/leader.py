"""What the leader does: works off the queue of tasks, for as long as it leads."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from djangotasks_operator.api import ApiError, is_refusal
from djangotasks_operator.backlog import Backlog
from djangotasks_operator.bucket import Bucket
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.election import Election, NotLeading
from djangotasks_operator.health import PASS_LIMIT
from djangotasks_operator.metrics import Metrics
from djangotasks_operator.queue_keeper import QueueKeeper
from djangotasks_operator.reconcile import Reconciler
from djangotasks_operator.start import Starter
from djangotasks_operator.store import Key
from djangotasks_operator.tails import Tails
from djangotasks_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)

WORKERS = 64
# Finished tasks that are deleted: so many a second at most, and in flight. It is more than the operator starts, and
# leaves most of the writes, and of the API server, to those who wait for something.
DELETIONS_PER_SECOND = 50.0
DELETIONS_IN_FLIGHT = 8
# Queues that are looked at, at once.
QUEUES_IN_FLIGHT = 4
# Admitted tasks on their way to a pod. More at once would not be faster, and would leave less to priorities.
STARTING_LIMIT = 32
# Ready keys are taken at once, unless all workers wait for the API server: some of them end sooner than this.
DISPATCH_LIMIT = 300.0
# An API server that is away is no fault of the task, which is not to wait for long when it is back.
AWAY_RETRY = 10.0


# A pass over one key. True when it is done with for now; False, or an exception, to be tried again.
Work = Callable[[Key], Awaitable[bool]]


class Leader:
    """`queue`, `queues`: the tasks, and the queues, that there is news about. `resync`: brings the store up to date and
    puts all tasks on the queue. `election`: None to lead always."""

    def __init__(
        self,
        cluster: Cluster,
        queue: WorkQueue[Key],
        queues: WorkQueue[Key],
        starter: Starter,
        resync: Callable[[], Awaitable[None]],
        election: Election | None,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._queue = queue
        self._queues = queues
        self._starter = starter
        self._resync = resync
        self._election = election
        self._metrics = metrics
        self._backlog: Backlog[Key, Key] | None = None
        self._expiry: WorkQueue[Key] = WorkQueue()
        self._news: WorkQueue[Key] = WorkQueue()
        self._dispatching = False

    def waiting(self) -> int:
        """How many tasks are ready to start, and wait for a place."""
        return 0 if self._backlog is None else self._backlog.waiting()

    def expired(self) -> int:
        """How many finished tasks are to be deleted, and wait for their turn."""
        return len(self._expiry)

    def problem(self) -> str | None:
        """What is stuck, for health."""
        key, seconds = self._queue.longest()
        if seconds > PASS_LIMIT:
            return f"reconcile: {key} has been worked on for {seconds:.0f} s"
        if self._dispatching and (seconds := self._queue.stalled()) > DISPATCH_LIMIT:
            return f"dispatcher: {len(self._queue)} keys are ready, and none was taken for {seconds:.0f} s"
        return None

    async def run(self) -> None:
        """Ends by an exception only."""
        while True:
            if self._election is not None:
                await self._election.won()
            # Nothing is taken over from the last time: all that counts is in the API server.
            for queue in (self._queue, self._queues, self._expiry, self._news):
                queue.clear()
            self._backlog = Backlog(STARTING_LIMIT)
            tails = Tails(self._cluster, self._queue)
            keeper = QueueKeeper(self._cluster, self._starter, self._backlog, self._queues)
            reconciler = Reconciler(
                self._cluster, self._queue, self._backlog, self._starter, self._expiry, self._news, tails, keeper
            )
            try:
                await self._until_lost(self._lead(reconciler, keeper))
            finally:
                self._dispatching = False

    async def _lead(self, reconciler: Reconciler, keeper: QueueKeeper) -> None:
        while True:
            try:
                await self._resync()
                break
            except (ApiError, OSError, TimeoutError) as error:
                logger.warning("cannot list what there is to do: %s", error)
                await asyncio.sleep(1)
        reconciler.take_stock()
        keeper.take_stock()
        self._dispatching = True
        await self._work(reconciler, keeper)

    async def _until_lost(self, work: Awaitable[None]) -> None:
        working = asyncio.ensure_future(work)
        if self._election is None:
            await working
            return
        losing = asyncio.create_task(self._election.lost())
        try:
            await asyncio.wait((working, losing), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
        finally:
            for task in (working, losing):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((working, losing))

    async def _work(self, reconciler: Reconciler, keeper: QueueKeeper) -> None:
        deletions = Bucket(DELETIONS_IN_FLIGHT, DELETIONS_PER_SECOND, time.monotonic)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._work_off(self._queue, self._timed(reconciler.reconcile), WORKERS))
            group.create_task(self._work_off(self._expiry, reconciler.expire, DELETIONS_IN_FLIGHT, deletions))
            group.create_task(self._work_off(self._news, reconciler.tell, 1))
            group.create_task(self._work_off(self._queues, keeper.keep, QUEUES_IN_FLIGHT))

    async def _work_off(self, queue: WorkQueue[Key], work: Work, workers: int, pace: Bucket | None = None) -> None:
        """For ever. `pace`: how many keys a second."""
        places = asyncio.Semaphore(workers)
        async with asyncio.TaskGroup() as group:
            while True:
                await places.acquire()
                key = await queue.get()
                while pace is not None and (delay := pace.wait()):  # noqa: ASYNC110 - only time helps
                    await asyncio.sleep(delay)
                task = group.create_task(self._work_on(queue, key, work))
                task.add_done_callback(lambda _: places.release())

    async def _work_on(self, queue: WorkQueue[Key], key: Key, work: Work) -> None:
        try:
            if await work(key):
                queue.succeeded(key)
            else:
                queue.retry(key)
        except NotLeading:
            return
        except (ApiError, OSError, TimeoutError) as error:
            self._metrics.reconcile_errors.labels("api").inc()
            delay = queue.retry(key) if is_refusal(error) else queue.retry(key, at_most=AWAY_RETRY)
            logger.warning("%s: %s; trying again in %.1f s", key, error, delay)
        except Exception:
            self._metrics.reconcile_errors.labels("defect").inc()
            logger.exception("%s: a defect; trying again in %.1f s", key, queue.retry(key))
        finally:
            queue.done(key)

    def _timed(self, work: Work) -> Work:
        async def timed(key: Key) -> bool:
            began = time.perf_counter()
            try:
                return await work(key)
            finally:
                self._metrics.reconciles.observe(time.perf_counter() - began)

        return timed
