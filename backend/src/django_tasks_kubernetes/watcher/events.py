"""What there is to tell of a DjangoTask. Pure."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.times import to_wire
from djangotasks_api.phases import TERMINAL_PHASES, Phase, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The end of an attempt that did not succeed, or, with `attempt` None, of the task. See `signals`."""

    uid: str
    attempt: int | None = None
    reason: str | None = None
    message: str = ""
    reported: bool = False

    @property
    def key(self) -> str:
        """The same for the same event, whoever sees it. The uid tells a task from a later one of its name."""
        return self.uid if self.attempt is None else f"{self.uid}/{self.attempt}"

    @classmethod
    def of(cls, resource: Resource, attempt: int | None) -> Self:
        """The one of an attempt, or of the task. Raises LookupError."""
        found = {event.attempt: event for event in _events(cls, resource)}
        return found[attempt]


def events_of(resource: Resource) -> list[Event]:
    """All so far: its attempts, the first one first, and then its end. What has ended never changes."""
    return list(_events(Event, resource))


def _events[E: Event](class_: type[E], resource: Resource) -> Iterator[E]:
    uid, status = resource["metadata"]["uid"], resource.get("status") or {}
    attempts = status.get("attempts") or []
    for attempt in attempts:
        # One without finishedAt has a problem, and may get over it.
        if attempt.get("reason") and attempt.get("finishedAt"):
            yield class_(
                uid=uid,
                attempt=attempt["number"],
                reason=attempt["reason"],
                message=attempt.get("message") or "",
                reported=_reported(attempt),
            )
    phase = status.get("phase")
    if phase not in TERMINAL_PHASES:
        return
    succeeded = phase == Phase.SUCCEEDED
    reason = None if succeeded else status.get("reason") or str(phase)
    last = attempts[-1] if attempts else {}
    yield class_(
        uid=uid,
        reason=reason,
        message=status.get("message") or "",
        # A task can end for another reason than its last attempt did: it expires while it waits for the next.
        reported=succeeded or (phase == Phase.FAILED and reason == last.get("reason") and _reported(last)),
    )


def _reported(attempt: Mapping[str, Any]) -> bool:
    """Its function was called, and raised: so task_finished was sent. Not for a task that could not be imported."""
    return bool(attempt.get("error") and attempt.get("startedAt"))


def as_deleted(resource: Resource, now: datetime) -> Resource:
    """A task that somebody deleted, as it ended: cancelled, unless it had ended before."""
    status = resource.get("status") or {}
    if status.get("phase") in TERMINAL_PHASES:
        return resource
    end = {
        "phase": Phase.CANCELLED.value,
        "reason": Reason.CANCEL_REQUESTED.value,
        "message": "The DjangoTask was deleted before it had ended.",
        "finishedAt": to_wire(now),
    }
    return deepcopy(resource) | {"status": deepcopy(status) | end}
