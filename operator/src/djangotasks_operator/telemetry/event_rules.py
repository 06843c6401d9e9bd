"""Decide which changes of a status are worth an Event, and what it says. Pure."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from djangotasks_api.bounds import MESSAGE_MAX_CHARS
from djangotasks_api.models import Attempt, TaskStatus
from djangotasks_api.phases import INTERRUPTIONS, Phase, Reason
from djangotasks_operator.status.attempts import just_ended, open_attempt
from djangotasks_operator.status.text import message_for_others
from djangotasks_operator.telemetry.logs import plain


class EventReason(StrEnum):
    """The reason of an Event."""

    WAITING = "Waiting"
    FAILED_TO_START = "FailedToStart"
    STUCK = "Stuck"
    INTERRUPTED = "Interrupted"
    RETRYING = "Retrying"
    FAILED = "Failed"
    NOT_REPORTED = "NotReported"
    # Of schedules
    SKIPPED = "Skipped"
    NOT_READY = "NotReady"
    # Of queues and holds
    HELD = "Held"
    RELEASED = "Released"
    QUEUE_NOT_FOUND = "QueueNotFound"


class EventDraft(NamedTuple):
    """What an Event says."""

    reason: EventReason
    message: str


def event_draft(old: TaskStatus, new: TaskStatus) -> EventDraft | None:
    """Draft the Event for a status that was written. None where it needs none."""
    ended, current = just_ended(old, new), open_attempt(new)
    if new.phase is Phase.FAILED:
        return _draft(EventReason.FAILED, new.reason, new.message, ended)
    if new.phase.is_terminal:
        return None
    if ended is not None:
        number = f"Attempt {ended.number}"
        again = f" The next one starts at {timestamp(new.next_attempt_at)}." if new.next_attempt_at else ""
        if ended.reason in INTERRUPTIONS:
            return _draft(
                EventReason.INTERRUPTED, ended.reason, ended.message, ended, f"{number} was interrupted. ", again
            )
        return _draft(EventReason.RETRYING, ended.reason, ended.message, ended, f"{number} failed. ", again)
    if new.reason is None or new.reason == old.reason or (current is not None and current.reason is not None):
        # In the last case the pod is being stopped: the Event comes when it is gone.
        return None
    if new.reason is Reason.NO_REPORT:
        return _draft(EventReason.NOT_REPORTED, new.reason, new.message, current)
    if new.reason in INTERRUPTIONS:
        return _draft(EventReason.STUCK, new.reason, new.message, current)
    reason = EventReason.FAILED_TO_START if new.phase is Phase.STARTING else EventReason.WAITING
    return _draft(reason, new.reason, new.message, current)


def unreported_draft(old: TaskStatus, new: TaskStatus) -> EventDraft | None:
    """Draft the Event for an outcome that was not reported, beside that for how the attempt ended."""
    ended = just_ended(old, new)
    if ended is None or ended.unreported is None:
        return None
    text = plain(f"Attempt {ended.number}: {ended.unreported}")
    return EventDraft(EventReason.NOT_REPORTED, text[:MESSAGE_MAX_CHARS])


def _draft(
    event: EventReason,
    reason: str | None,
    message: str | None,
    attempt: Attempt | None,
    before: str = "",
    after: str = "",
) -> EventDraft:
    text = plain(" ".join(f"{before}{reason}: {message_for_others(reason, message, attempt)}".split()))
    room = MESSAGE_MAX_CHARS - len(after)
    return EventDraft(event, (text if len(text) <= room else text[: room - 1] + "…") + after)


def timestamp(at: datetime) -> str:
    """Write a time as the API does."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
