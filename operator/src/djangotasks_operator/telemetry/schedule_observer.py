"""Observe schedules: emit log lines, metrics and Events."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from djangotasks_api.models.base import Metadata
from djangotasks_api.names import SCHEDULE_KIND
from djangotasks_api.schedules.record import Skip, SkipReason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.schedules import CachedSchedule
from djangotasks_operator.cache.store import Store
from djangotasks_operator.status.queue_status import NotReady
from djangotasks_operator.status.text import truncate_message
from djangotasks_operator.telemetry.event_recorder import EventRecorder
from djangotasks_operator.telemetry.event_rules import EventDraft, EventReason, timestamp
from djangotasks_operator.telemetry.metrics import Metrics, OfQueue

logger = logging.getLogger(__name__)

WORDS: Final = {
    SkipReason.PREVIOUS_UNFINISHED: "its last task has not finished",
    SkipReason.REPLACED: "a later time came before the pod of its last task was gone",
    SkipReason.MISSED: "it passed while no operator ran, or while its task was refused",
    SkipReason.STARTING_DEADLINE_EXCEEDED: "it passed longer ago than startingDeadlineSeconds",
    SkipReason.TIMES_CHANGED: "it waited when the schedule's times were changed",
    SkipReason.NAME_TAKEN: "a task that is not the schedule's has the name",
}


class ScheduleTelemetry:
    """A `controllers.schedule_controller.ScheduleObserver`."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        events: EventRecorder,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._events = events
        self._now = now

    def created(self, schedule: CachedSchedule, late: timedelta) -> None:
        """Report a task that was created, so long after it was due."""
        self._of_queue(schedule).scheduled(late.total_seconds())

    def skipped(self, schedule: CachedSchedule, skip: Skip) -> None:
        """Report a time that was left out."""
        reason = SkipReason(skip.reason)
        logger.info("schedule %s: %s was left out: %s", schedule.key, timestamp(skip.scheduled_for), reason)
        self._of_queue(schedule).skipped(reason)
        text = f"No task was created for {timestamp(skip.scheduled_for)}: {WORDS[reason]} ({reason})."
        if reason is SkipReason.PREVIOUS_UNFINISHED:
            first, *others = sorted(self._store.schedules.unfinished(schedule.key)) or ("",)
            text += (f" Unfinished: {first}" + (f" and {len(others)} more." if others else ".")) if first else ""
        self._event(schedule, EventReason.SKIPPED, text)

    def not_ready(self, schedule: CachedSchedule, problem: NotReady) -> None:
        """Report why a schedule is not ready."""
        logger.warning("schedule %s is not ready: %s", schedule.key, problem.reason)
        self._event(schedule, EventReason.NOT_READY, truncate_message(f"{problem.reason}: {problem.message}"))

    def _event(self, schedule: CachedSchedule, reason: EventReason, text: str) -> None:
        metadata = Metadata(name=schedule.key.name, namespace=schedule.key.namespace, uid=schedule.uid)
        self._events.add(SCHEDULE_KIND, metadata, EventDraft(reason, text), self._now())

    def _of_queue(self, schedule: CachedSchedule) -> OfQueue:
        queue = Key(schedule.key.namespace, schedule.queue)
        exists = self._store.queue(queue) is not None
        return self._metrics.of_queue(queue.namespace, queue.name if exists else None)
