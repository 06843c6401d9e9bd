"""Record Kubernetes Events, for `kubectl describe`: why a task or a workflow does not run, what a schedule leaves out.

There are none of successes, and none delays a task: Events are sent by one sender in the background, and dropped when
there are too many. core/v1 and not events.k8s.io/v1, because only there an Event that repeats may change its message.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.models.base import Metadata
from djangotasks_api.names import API_VERSION, TASK_KIND, WORKFLOW_KIND
from djangotasks_api.workflow.records import WorkflowPhase, WorkflowReason
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.rate_limit import TokenBucket, TokenBuckets
from djangotasks_operator.runtime.resources import EVENTS
from djangotasks_operator.telemetry.event_rules import EventDraft, EventReason, event_draft, timestamp, unreported_draft
from djangotasks_operator.workflows.views import Workflow

logger = logging.getLogger(__name__)

COMPONENT = "djangotasks-operator"
# Events of one task, and of one queue's pods that do not report: so many at once, then one a minute. client-go allows
# 25, then one in five minutes.
TASK_BURST, TASK_PER_SECOND = 10, 1 / 60
# All Events together, where every task fails: they must leave the API server to the writes of status.
BURST, PER_SECOND = 50, 10.0
# Events that wait to be sent: about a minute's.
PENDING_MAX = 500
# How many series, and buckets of tasks, are remembered: memory must not grow with the tasks that fail.
REMEMBERED_MAX = 4096


@dataclass(slots=True)
class Series:
    """An Event that may repeat."""

    kind: str
    metadata: Metadata
    draft: EventDraft
    """Of its last occurrence."""
    first: datetime
    last: datetime
    count: int = 1
    name: str | None = None
    """None while it is not in the API server."""


class EventRecorder:
    """Records Events, and sends them while `run` runs."""

    def __init__(
        self,
        api: Api,
        done: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`done`: called with what became of each: sent, failed or dropped."""
        self._api = api
        self._done = done
        self._series: OrderedDict[tuple[str, EventReason], Series] = OrderedDict()
        self._buckets = TokenBuckets[str](TASK_BURST, TASK_PER_SECOND, REMEMBERED_MAX, clock)
        self._all = TokenBucket(BURST, PER_SECOND, clock)
        self._pending: OrderedDict[tuple[str, EventReason], Series] = OrderedDict()
        self._sleep = sleep
        self._wake = asyncio.Event()
        self._refused = False

    def record(self, task: DjangoTask, new: TaskStatus, now: datetime) -> None:
        """Record an Event where the new status is worth one. Takes no time; drops what is too much."""
        if (found := unreported_draft(task.status, new)) is not None:
            # What keeps one pod from reporting keeps all of its queue from it: some of their tasks say so.
            self.add(TASK_KIND, task.metadata, found, now, f"{task.metadata.namespace}/{task.spec.queue}")
        if (found := event_draft(task.status, new)) is not None:
            self.add(TASK_KIND, task.metadata, found, now)

    def record_workflow(self, workflow: Workflow, phase: WorkflowPhase, reason: str | None, now: datetime) -> None:
        """Record an Event of a workflow that failed, or waits. Its message, which may quote users' data, is in the
        status."""
        if phase is WorkflowPhase.FAILED:
            draft = EventDraft(EventReason.FAILED, f"The workflow failed: {reason}. See its status.")
        elif reason == WorkflowReason.TASKS_REFUSED:
            draft = EventDraft(EventReason.WAITING, f"Its tasks cannot be created: {reason}. See its status.")
        else:
            return
        self.add(WORKFLOW_KIND, workflow.metadata, draft, now)

    def add(self, kind: str, metadata: Metadata, draft: EventDraft, now: datetime, bucket: str | None = None) -> None:
        """Record an Event about an object. Takes no time; drops what is too much. `bucket`: what the Events are too
        many of; by default, of the object."""
        key = (metadata.uid, draft.reason)
        if (series := self._series.get(key)) is None:
            series = self._series[key] = Series(kind, metadata, draft, now, now)
        else:
            series.draft, series.last, series.count = draft, now, series.count + 1
        _keep_last(self._series, key)
        if key in self._pending:
            return
        if len(self._pending) >= PENDING_MAX or self._buckets.reserve(bucket or metadata.uid):
            self._done("dropped")
            return
        self._pending[key] = series
        self._wake.set()

    async def run(self) -> None:
        """Send Events until cancelled, one at a time. No failure may end the operator."""
        while True:
            await self._wake.wait()
            while self._pending:
                if delay := self._all.reserve():
                    await self._sleep(delay)
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
        namespace = series.metadata.namespace
        if series.name is not None:
            change = {"message": series.draft.message, "count": series.count, "lastTimestamp": timestamp(series.last)}
            # The API server deletes Events after its --event-ttl, 1 h by default.
            with contextlib.suppress(KeyError):
                await self._patch(namespace, series.name, change)
                return
        body = event_body(series, os.uname().nodename)
        await self._api.create(EVENTS, namespace, body)
        series.name = body["metadata"]["name"]

    async def _patch(self, namespace: str, name: str, change: dict[str, Any]) -> None:
        """Change an Event. Raises KeyError where there is none of this name."""
        try:
            await self._api.patch(EVENTS, namespace, name, change)
        except ApiError as error:
            if not error.not_found:
                raise
            raise KeyError(name) from error


def event_body(series: Series, instance: str) -> dict[str, Any]:
    """Make a core/v1 Event. `instance`: the replica that records it."""
    metadata = series.metadata
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata.name}.{secrets.token_hex(8)}", "namespace": metadata.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": series.kind,
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
        },
        "type": "Warning",
        "reason": series.draft.reason,
        "message": series.draft.message,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": instance,
        "firstTimestamp": timestamp(series.first),
        "lastTimestamp": timestamp(series.last),
        "count": series.count,
    }


def _keep_last[K, V](remembered: OrderedDict[K, V], key: K) -> None:
    """Make the key the last that is forgotten, and forget the first where there are too many."""
    remembered.move_to_end(key)
    if len(remembered) > REMEMBERED_MAX:
        remembered.popitem(last=False)
