"""Observe holds: emit log lines and Events."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from djangotasks_api.models import DjangoTaskQueue, Held
from djangotasks_api.models.base import Metadata
from djangotasks_api.names import HOLD_KIND, QUEUE_KIND
from djangotasks_operator.cache.holds import Hold
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.status.queue_status import held_words
from djangotasks_operator.telemetry.event_recorder import EventRecorder
from djangotasks_operator.telemetry.event_rules import EventDraft, EventReason

logger = logging.getLogger(__name__)


class HoldTelemetry:
    """A `controllers.hold_controller.HoldObserver`."""

    def __init__(self, events: EventRecorder, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._events = events
        self._now = now

    def held(self, queue: DjangoTaskQueue, held: Held | None) -> None:
        """Report that a queue is held, or in another way, or no more (None)."""
        key = Key.of(queue.metadata)
        if held is None:
            logger.info("queue %s is not held any more", key)
            draft = EventDraft(EventReason.RELEASED, "It is not held any more.")
        else:
            logger.info("queue %s is held: at most %d tasks run at once", key, held.concurrency)
            draft = EventDraft(EventReason.HELD, held_words(held))
        self._events.add(QUEUE_KIND, queue.metadata, draft, self._now())

    def without_queue(self, hold: Hold) -> None:
        """Report a hold of a queue that does not exist."""
        logger.warning("the hold %s holds nothing: there is no queue of its name", hold.key)
        metadata = Metadata(name=hold.key.name, namespace=hold.key.namespace, uid=hold.uid)
        text = f"There is no DjangoTaskQueue {hold.key.name!r} in the namespace {hold.key.namespace!r}."
        self._events.add(HOLD_KIND, metadata, EventDraft(EventReason.QUEUE_NOT_FOUND, text), self._now())
