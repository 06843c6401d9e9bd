"""Reads the ends of logs, beside everything else: a node that does not answer keeps nobody but its own log waiting."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from djangotasks_operator.api import ApiError, is_refusal
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.keeplog import ReadLog, Tail, is_settled, tail_text
from djangotasks_operator.observed import Pod
from djangotasks_operator.snapshot import Snapshot
from djangotasks_operator.store import Key
from djangotasks_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)

# Logs that are read at once. What waits behind them is read in its turn, or not at all when its pod is in a hurry.
READS = 8
TRIES = 3
# Seconds before it is tried again, and twice as many before the next time.
RETRY_SECONDS = 2.0

type Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Tails:
    """What the leader has of logs and has not written yet. Nothing is lost with it but the log of a pod that is gone.

    `queue`: gets the key of a task when there is news of its log. `spawn`: runs a coroutine beside others.
    """

    def __init__(self, cluster: Cluster, queue: WorkQueue[Key], spawn: Spawn | None = None) -> None:
        self._cluster = cluster
        self._queue = queue
        self._spawn = spawn or self._beside
        self._tails: dict[Key, dict[int, Tail]] = {}
        self._uids: dict[Key, str] = {}
        self._waiting: deque[tuple[Key, ReadLog]] = deque()
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, key: Key, snapshot: Snapshot) -> Mapping[int, Tail]:
        """What `log_first` is shown. What the task has no use for any more is forgotten."""
        tails = self._tails.get(key)
        if tails is None:
            return {}
        if self._uids[key] != snapshot.task.metadata.uid:
            self.forget(key)
            return {}
        for number in [number for number in tails if is_settled(snapshot, number)]:
            del tails[number]
        if not tails:
            self.forget(key)
        return tails

    def forget(self, key: Key) -> None:
        """The task is gone."""
        self._tails.pop(key, None)
        self._uids.pop(key, None)

    def begin(self, key: Key, what: ReadLog) -> None:
        """Reads it now or later; the key comes back on the queue then."""
        pod = what.pod
        self._uids[key] = pod.task_uid
        tail = self._tails.setdefault(key, {}).get(pod.attempt, Tail())
        if self._busy >= READS and what.hurry:
            logger.warning("%s/%s: its log is not kept: too many are being read", pod.namespace, pod.name)
            self._put(key, pod, replace(tail, final=True))
            return
        self._put(key, pod, replace(tail, reading=True, awaited=what.hurry))
        self._waiting.append((key, what))
        self._next()

    def refused(self, key: Key, attempt: int) -> None:
        """The text was not taken. After a few tries it is given up."""
        tail = self._tails.get(key, {}).get(attempt)
        if tail is not None:
            last = tail.tries + 1 >= TRIES
            self._tails[key][attempt] = replace(tail, tries=tail.tries + 1, text=None if last else tail.text)

    def _next(self) -> None:
        while self._waiting and self._busy < READS:
            self._busy += 1
            self._spawn(self._take(*self._waiting.popleft()))

    async def _take(self, key: Key, what: ReadLog) -> None:
        try:
            await self._try(key, what)
        except Exception:
            # The pod must not wait for an answer that will never come.
            logger.exception("%s: a defect", key)
            self._put(key, what.pod, Tail(final=True))
            self._queue.add(key)
        finally:
            self._busy -= 1
        self._next()

    async def _try(self, key: Key, what: ReadLog) -> None:
        pod = what.pod
        try:
            text = tail_text(await self._cluster.read_log(pod))
        except (ApiError, OSError, TimeoutError) as error:
            tail = self._tails.get(key, {}).get(pod.attempt, Tail())
            tries = tail.tries + 1
            if not (is_refusal(error) or what.hurry or tries >= TRIES):
                self._put(key, pod, replace(tail, reading=False, tries=tries))
                self._queue.add_after(key, RETRY_SECONDS * 2.0 ** (tries - 1))
                return
            if tail.text is None:
                logger.warning("%s/%s: its log is not kept: %s", pod.namespace, pod.name, error)
            self._put(key, pod, replace(tail, reading=False, final=True))
        else:
            self._put(key, pod, Tail(text=text, final=pod.terminated is not None))
        self._queue.add(key)

    def _put(self, key: Key, pod: Pod, tail: Tail) -> None:
        if self._uids.get(key) == pod.task_uid:
            self._tails[key][pod.attempt] = tail

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
