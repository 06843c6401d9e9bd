"""Read the Events of pods that do not start, in the background, a few at a time: Events are worth no more than that."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.pods.events import PodEvents, parse_events
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.runtime.background import Spawn
from djangotasks_operator.runtime.errors import REQUEST_ERRORS, ApiError
from djangotasks_operator.runtime.rate_limit import TokenBucket

logger = logging.getLogger(__name__)

# The API server goes through all Events of a namespace to answer.
BURST, PER_SECOND = 20, 2.0
IN_FLIGHT = 4
# When to ask again for a pod for which there was no room.
AGAIN = timedelta(seconds=15)
# How long nothing is read of a namespace after a refusal: the permission is missing, as with an older chart.
REFUSED = timedelta(minutes=10)


class EventReader:
    def __init__(
        self,
        writer: TaskWriter,
        spawn: Spawn,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`spawn`: runs a coroutine in the background."""
        self._writer = writer
        self._spawn = spawn
        self._now = now
        self._limit = TokenBucket(BURST, PER_SECOND, clock)
        self._reading: set[Key] = set()
        self._refused_until: dict[str, datetime] = {}

    def read(self, key: Key, pod: Pod) -> timedelta | None:
        """Read the pod's Events, which the store has then, and which change its task. Returns after how long to ask
        again where there is no room for it now."""
        if key in self._reading:
            return None
        now = self._now()
        if (until := self._refused_until.get(key.namespace)) is not None:
            if now < until:
                return until - now
            del self._refused_until[key.namespace]
        if len(self._reading) >= IN_FLIGHT or self._limit.reserve():
            return AGAIN
        self._reading.add(key)
        self._spawn(self._read(key, pod))
        return None

    async def _read(self, key: Key, pod: Pod) -> None:
        events = PodEvents(pod_uid=pod.uid, read_at=self._now())
        try:
            events = parse_events(pod.uid, await self._writer.read_events(pod), self._now())
        except REQUEST_ERRORS as error:
            if isinstance(error, ApiError) and error.status == 403:
                self._refused_until[key.namespace] = self._now() + REFUSED
            logger.warning("%s: the Events of its pod cannot be read: %s", key, error)
        except Exception:
            logger.exception("%s: its pod's Events: a defect", key)
        finally:
            self._reading.discard(key)
        self._writer.store.put_events(key, events)
