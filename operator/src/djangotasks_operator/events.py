"""Kubernetes Events on a DjangoTask: what `kubectl describe djangotask` tells somebody who asks why it does not run.

Never of a success, and never at the cost of one: an Event is sent later, by one sender, and is dropped when there are
too many. core/v1 and not events.k8s.io/v1, because only there an Event that repeats may change its message.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.models.base import Metadata
from djangotasks_api.names import API_VERSION, TASK_KIND
from djangotasks_operator.api import EVENTS, Api, ApiError
from djangotasks_operator.bucket import Bucket, Buckets
from djangotasks_operator.notices import Notice, Word, clock, notice

logger = logging.getLogger(__name__)

COMPONENT = "djangotasks-operator"
# A task's Events: so many at once, then one a minute. client-go allows 25, then one in five minutes.
TASK_BURST, TASK_PER_SECOND = 10, 1 / 60
# All of them together.
BURST, PER_SECOND = 50, 10.0
PENDING_MAX = 500
REMEMBERED_MAX = 4096


@dataclass(slots=True)
class Series:
    """An Event, and how often it was meant. `name`: None while it is not in the API server."""

    task: Metadata
    notice: Notice
    first: datetime
    last: datetime
    count: int = 1
    name: str | None = None


class Events:
    """`done`: is told what became of each: sent, failed or dropped."""

    def __init__(
        self, api: Api, done: Callable[[str], None] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._done = done
        self._series: OrderedDict[tuple[str, Word], Series] = OrderedDict()
        self._buckets = Buckets[str](TASK_BURST, TASK_PER_SECOND, REMEMBERED_MAX, clock)
        self._all = Bucket(BURST, PER_SECOND, clock)
        self._pending: OrderedDict[tuple[str, Word], Series] = OrderedDict()
        self._wake = asyncio.Event()
        self._refused = False

    def tell(self, task: DjangoTask, new: TaskStatus, now: datetime) -> None:
        """Takes no time: what cannot be remembered is dropped."""
        if (found := notice(task.status, new)) is None:
            return
        key = (task.metadata.uid, found.word)
        if (series := self._series.get(key)) is None:
            series = self._series[key] = Series(task.metadata, found, now, now)
        else:
            series.notice, series.last, series.count = found, now, series.count + 1
        _keep_last(self._series, key)
        if key in self._pending:
            return
        if len(self._pending) >= PENDING_MAX or self._buckets.wait(task.metadata.uid):
            self._done("dropped")
            return
        self._pending[key] = series
        self._wake.set()

    async def run(self) -> None:
        """Sends them, one at a time. Nothing that goes wrong here may end the operator."""
        while True:
            await self._wake.wait()
            while self._pending:
                if delay := self._all.wait():
                    await asyncio.sleep(delay)
                    continue
                _, series = self._pending.popitem(last=False)
                await self._send(series)
            self._wake.clear()

    async def _send(self, series: Series) -> None:
        try:
            await self._write(series)
        except (ApiError, OSError, TimeoutError) as error:
            self._done("failed")
            if isinstance(error, ApiError) and error.status == 403 and not self._refused:
                self._refused = True
                logger.warning("Events cannot be written: %s", error)
        except Exception:
            self._done("failed")
            logger.exception("an Event: a defect")
        else:
            self._done("sent")

    async def _write(self, series: Series) -> None:
        namespace = series.task.namespace
        if series.name is not None:
            change = {"message": series.notice.message, "count": series.count, "lastTimestamp": clock(series.last)}
            # After an hour Events are gone.
            with contextlib.suppress(KeyError):
                await self._patch(namespace, series.name, change)
                return
        body = event(series, os.uname().nodename)
        await self._api.create(EVENTS, namespace, body)
        series.name = body["metadata"]["name"]

    async def _patch(self, namespace: str, name: str, change: dict[str, Any]) -> None:
        """Raises KeyError where there is none of this name."""
        try:
            await self._api.patch(EVENTS, namespace, name, change)
        except ApiError as error:
            if not error.not_found:
                raise
            raise KeyError(name) from error


def event(series: Series, instance: str) -> dict[str, Any]:
    """A core/v1 Event. `instance`: which replica says so."""
    metadata = series.task
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata.name}.{secrets.token_hex(8)}", "namespace": metadata.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": TASK_KIND,
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
        },
        "type": "Warning",
        "reason": series.notice.word,
        "message": series.notice.message,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": instance,
        "firstTimestamp": clock(series.first),
        "lastTimestamp": clock(series.last),
        "count": series.count,
    }


def _keep_last[K, V](remembered: OrderedDict[K, V], key: K) -> None:
    remembered.move_to_end(key)
    if len(remembered) > REMEMBERED_MAX:
        remembered.popitem(last=False)
