"""A controller: workers that reconcile the keys of a work queue."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from enum import Enum

from djangotasks_operator.runtime.errors import REQUEST_ERRORS, is_client_error
from djangotasks_operator.runtime.leader_election import NotLeading
from djangotasks_operator.runtime.rate_limit import TokenBucket
from djangotasks_operator.runtime.workqueue import WorkQueue

logger = logging.getLogger(__name__)

# The longest backoff where the API server is away: that is no fault of the object, which is not to wait for a minute
# when the server is back.
AWAY_BACKOFF = 10.0


class Result(Enum):
    """What a reconcile function returns. An exception means RETRY, and is logged and counted."""

    DONE = "done"
    """Nothing to do until the key is added again."""
    WAITING = "waiting"
    """The same, but what failed before may fail again: the backoff goes on where it was."""
    RETRY = "retry"
    """Reconcile again after a backoff."""


type Reconcile[K] = Callable[[K], Awaitable[Result]]


class Controller[K: Hashable]:
    """Reconcile the keys of a queue, each at once and never twice at the same time."""

    def __init__(
        self,
        queue: WorkQueue[K],
        reconcile: Reconcile[K],
        *,
        workers: int,
        limit: TokenBucket | None = None,
        failed: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        """`workers`: how many keys at a time. `limit`: how many keys a second. `failed`: called with what a reconcile
        function raised."""
        self.queue = queue
        self._reconcile = reconcile
        self._workers = workers
        self._limit = limit
        self._failed = failed

    async def run(self) -> None:
        """Work until cancelled. Ends with an exception for a defect of the controller itself only."""
        free = asyncio.Semaphore(self._workers)
        async with asyncio.TaskGroup() as group:
            while True:
                await free.acquire()
                key = await self.queue.get()
                while self._limit is not None and (delay := self._limit.reserve()):  # noqa: ASYNC110 - only time helps
                    await asyncio.sleep(delay)
                group.create_task(self.process(key)).add_done_callback(lambda _: free.release())

    async def process(self, key: K) -> None:
        """Reconcile a key that was taken from the queue, and give it back."""
        queue = self.queue
        try:
            match await self._reconcile(key):
                case Result.DONE:
                    queue.succeeded(key)
                case Result.RETRY:
                    queue.retry(key)
                case Result.WAITING:
                    pass
        except NotLeading:
            # The lease may yet be renewed in time, and nothing else would add the key again. A lost lease clears the
            # queue.
            queue.retry(key)
        except REQUEST_ERRORS as error:
            self._failed(error)
            delay = queue.retry(key) if is_client_error(error) else queue.retry(key, at_most=AWAY_BACKOFF)
            logger.warning("%s: %s; trying again in %.1f s", key, error, delay)
        except Exception as error:
            self._failed(error)
            logger.exception("%s: a defect; trying again in %.1f s", key, queue.retry(key))
        finally:
            queue.done(key)
