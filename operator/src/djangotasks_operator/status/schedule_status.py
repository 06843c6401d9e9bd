"""Compute the status of a schedule, from what is dealt with and what is wrong with it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from djangotasks_api.names import scheduled_task_name
from djangotasks_api.phases import Reason
from djangotasks_api.schedules.due import Unfinished
from djangotasks_api.schedules.plan import Plan, wire_time
from djangotasks_api.schedules.record import Record
from djangotasks_operator.status.queue_status import READY, SUSPENDED, NotReady
from djangotasks_operator.status.text import truncate_message

Status = Mapping[str, Any]

INVALID_SCHEDULE: Final = "InvalidSchedule"
UNKNOWN_TIME_ZONE: Final = "UnknownTimeZone"
TASK_REFUSED: Final = "TaskRefused"
ENDED: Final = "Ended"
CLOCK_WAS_AHEAD: Final = "ClockWasAhead"
# A change of one of these is to be seen at once. The others, which change with each task, wait for each other.
URGENT: Final = ("observedGeneration", "timing", "since", "pending", "conditions")


def schedule_status(
    old: Status,
    generation: int,
    plan: Plan | None,
    record: Record,
    next_time: datetime | None,
    active: int,
    problem: NotReady | None,
    now: datetime,
) -> dict[str, Any]:
    """The schedule's next status, as it is on the wire. `plan`: None where its spec cannot be read."""
    skipped = record.skipped
    status = {
        "observedGeneration": generation,
        "timing": record.timing,
        "since": _wire(record.since),
        "lastScheduledFor": _wire(record.last),
        "lastTask": scheduled_task_name(plan.name, record.last) if plan and record.last else old.get("lastTask"),
        "nextScheduledFor": plan.shown(next_time) if plan and next_time else None,
        "pending": _wire(record.pending),
        "active": active,
        "skipped": skipped
        and {
            "count": record.skipped_count,
            "lastFor": _wire(skipped.scheduled_for),
            "reason": str(skipped.reason),
        },
        "conditions": [_ready(old, generation, plan, next_time, problem, now)],
    }
    return {name: value for name, value in status.items() if value is not None}


def blocked(plan: Plan, tasks: Mapping[str, Unfinished]) -> NotReady | None:
    """What will not end before somebody decides, where nothing is created until then. `tasks`: the unfinished ones."""
    if plan.concurrency not in ("Forbid", "Queue") or plan.suspended:
        return None
    name = min((name for name, task in tasks.items() if task.restored and not task.cancelled), default=None)
    if name is None:
        return None
    message = f"Nothing is created until {name} has ended (concurrencyPolicy {plan.concurrency})."
    return NotReady(Reason.RESTORED, f"{message} {tasks[name].restored}")


def is_urgent(old: Status, new: Status) -> bool:
    """Whether people wait to see the difference."""
    return any(old.get(name) != new.get(name) for name in URGENT)


def _ready(
    old: Status, generation: int, plan: Plan | None, next_time: datetime | None, problem: NotReady | None, now: datetime
) -> dict[str, Any]:
    if problem is not None:
        status, reason, message = "False", problem.reason, problem.message
    elif plan is not None and plan.suspended:
        status, reason, message = "True", SUSPENDED, "Nothing is created until spec.suspended is false."
    elif next_time is None:
        status, reason, message = "True", ENDED, "It is not due any more: spec.endAt has passed, or no date is left."
    else:
        status, reason, message = "True", READY, "Its tasks are created when it is due."
    before: Mapping[str, str] = next(iter(old.get("conditions") or ()), {})
    changed = before.get("status") != status
    return {
        "type": READY,
        "status": status,
        "reason": reason,
        "message": truncate_message(message),
        "observedGeneration": generation,
        "lastTransitionTime": wire_time(now.replace(microsecond=0)) if changed else before["lastTransitionTime"],
    }


def _wire(at: datetime | None) -> str | None:
    return None if at is None else wire_time(at)
