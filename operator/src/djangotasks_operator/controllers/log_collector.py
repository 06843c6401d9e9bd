"""Fetch the ends of logs in the background: a node that does not answer delays nothing but its own logs."""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.decide.actions import FetchLog
from djangotasks_operator.decide.log_retention import LogTailState, is_settled
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.runtime.background import Spawn
from djangotasks_operator.runtime.errors import REQUEST_ERRORS, is_client_error
from djangotasks_operator.runtime.workqueue import WorkQueue
from djangotasks_operator.status.log_text import tail_text

logger = logging.getLogger(__name__)

# Logs that are fetched at once. Each takes a connection through the API server to a node, and up to 5 s where the node
# does not answer.
FETCHES_IN_FLIGHT = 8
# Fetches, and writes, of one log before it is given up.
TRIES = 3
# Seconds before the second try; twice as many before the next one.
RETRY_SECONDS = 2.0


class LogCollector:
    """The logs that the leader has fetched and not stored yet. A restart loses none of them, unless the pod is gone."""

    def __init__(self, writer: TaskWriter, tasks: WorkQueue[Key], spawn: Spawn) -> None:
        """`tasks`: gets the key of a task when its log was fetched."""
        self._writer = writer
        self._tasks = tasks
        self._spawn = spawn
        self._tails: dict[Key, dict[int, LogTailState]] = {}
        self._uids: dict[Key, str] = {}
        self._waiting: deque[tuple[Key, FetchLog]] = deque()
        self._in_flight = 0

    def tails(self, key: Key, snapshot: Snapshot) -> Mapping[int, LogTailState]:
        """The states of the task's logs, by number of the attempt. Forgets the settled ones."""
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
        """Forget the logs of a task that is gone."""
        self._tails.pop(key, None)
        self._uids.pop(key, None)

    def fetch(self, key: Key, action: FetchLog) -> None:
        """Fetch the log, now or when others are done; the task's key is added to its queue then."""
        pod = action.pod
        self._uids[key] = pod.task_uid
        tail = self._tails.setdefault(key, {}).get(pod.attempt, LogTailState())
        if self._in_flight >= FETCHES_IN_FLIGHT and action.before_deletion:
            logger.warning("%s/%s: its log is not kept: too many are being fetched", pod.namespace, pod.name)
            self._put(key, pod, replace(tail, final=True))
            return
        self._put(key, pod, replace(tail, reading=True, blocks_deletion=action.before_deletion))
        self._waiting.append((key, action))
        self._next()

    def refused(self, key: Key, attempt: int) -> None:
        """Note that the text could not be stored. After a few tries it is given up."""
        tail = self._tails.get(key, {}).get(attempt)
        if tail is not None:
            last = tail.tries + 1 >= TRIES
            self._tails[key][attempt] = replace(tail, tries=tail.tries + 1, text=None if last else tail.text)

    def _next(self) -> None:
        while self._waiting and self._in_flight < FETCHES_IN_FLIGHT:
            self._in_flight += 1
            self._spawn(self._fetch(*self._waiting.popleft()))

    async def _fetch(self, key: Key, action: FetchLog) -> None:
        try:
            await self._try(key, action)
        except Exception:
            # The pod must not wait for an answer that will never come.
            logger.exception("%s: a defect", key)
            self._put(key, action.pod, LogTailState(final=True))
            self._tasks.add(key)
        finally:
            self._in_flight -= 1
        self._next()

    async def _try(self, key: Key, action: FetchLog) -> None:
        pod = action.pod
        try:
            text = tail_text(await self._writer.read_log(pod))
        except REQUEST_ERRORS as error:
            tail = self._tails.get(key, {}).get(pod.attempt, LogTailState())
            tries = tail.tries + 1
            if not (is_client_error(error) or action.before_deletion or tries >= TRIES):
                self._put(key, pod, replace(tail, reading=False, tries=tries))
                self._tasks.add_after(key, RETRY_SECONDS * 2.0 ** (tries - 1))
                return
            if tail.text is None:
                logger.warning("%s/%s: its log is not kept: %s", pod.namespace, pod.name, error)
            self._put(key, pod, replace(tail, reading=False, final=True))
        else:
            self._put(key, pod, LogTailState(text=text, final=pod.terminated is not None))
        self._tasks.add(key)

    def _put(self, key: Key, pod: Pod, tail: LogTailState) -> None:
        if self._uids.get(key) == pod.task_uid:
            self._tails[key][pod.attempt] = tail
