"""Compute a DjangoTaskQueue's status. Pure."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from djangotasks_api.models import DjangoTaskQueue, Held, QueueCondition, QueueStatus, StandbyStatus, TaskStatus
from djangotasks_api.phases import Reason
from djangotasks_api.schedules.plan import wire_time
from djangotasks_operator.status.text import truncate_message

# Reasons of a task's status that say what keeps it from starting.
START_ERRORS = frozenset(
    {
        Reason.DEPLOYMENT_NOT_FOUND,
        Reason.INVALID_TEMPLATE,
        Reason.QUOTA_EXCEEDED,
        Reason.JOB_NAME_TAKEN,
        Reason.IMAGE_PULL_FAILED,
        Reason.INVALID_IMAGE_NAME,
        Reason.CONTAINER_CONFIG_ERROR,
        Reason.INIT_CONTAINER_FAILED,
        Reason.UNSCHEDULABLE,
        Reason.VOLUME_NOT_READY,
        Reason.POD_SANDBOX_FAILED,
        Reason.START_TIMEOUT,
        Reason.POD_REFUSED,
    }
)
# Those that may be the queue's fault: it is checked again.
QUEUE_ERRORS = frozenset({Reason.DEPLOYMENT_NOT_FOUND, Reason.INVALID_TEMPLATE, Reason.POD_REFUSED})
READY: Final = "Ready"
STANDBY_READY: Final = "StandbyReady"
SUSPENDED: Final = "Suspended"
HELD: Final = "Held"
TOO_MANY_QUEUES: Final = "TooManyQueues"


type ConditionType = Literal["Ready", "StandbyReady"]


class TaskCounts(NamedTuple):
    """How many unfinished tasks a queue has."""

    queued: int
    running: int
    """Admitted ones."""
    oldest: datetime | None
    """Since when the longest-waiting queued task has been ready to start."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """Why no task of the queue can be started."""

    reason: str
    message: str


class StandbyState(NamedTuple):
    """The standby pods of a queue that has some."""

    counts: StandbyStatus
    problem: tuple[str, str] | None
    """Why no pods come to wait, or none is used: a reason and a message."""


class LastError(NamedTuple):
    """What last kept a task of the queue from starting."""

    text: str
    at: datetime


def refused(queue: DjangoTaskQueue, most: int, now: datetime) -> QueueStatus:
    """The status of a queue that is not kept, because its namespace has too many. `most`: how many are kept."""
    message = (
        f"The operator keeps {most:,} queues of a namespace, the oldest, and there are more. Tasks of this one wait. "
        "Delete queues that nobody needs: this one then counts within minutes."
    )
    problem = NotReady(TOO_MANY_QUEUES, message)
    return new_status(queue, TaskCounts(0, 0, None), problem, None, now)


def was_refused(queue: DjangoTaskQueue) -> bool:
    """Whether its status says already that it is not kept."""
    found = condition_of(queue, READY)
    return found is not None and found.reason == TOO_MANY_QUEUES


def count_tasks[K: Hashable](
    ready_at: Mapping[K, datetime], is_admitted: Callable[[K], bool], now: datetime
) -> TaskCounts:
    """Count a queue's tasks. `ready_at`: when each unfinished task may start its next attempt."""
    waiting = [at for key, at in ready_at.items() if not is_admitted(key)]
    oldest = min(waiting, default=now)
    return TaskCounts(len(waiting), len(ready_at) - len(waiting), oldest if oldest < now else None)


def start_error(old: TaskStatus, new: TaskStatus, now: datetime) -> LastError | None:
    """What keeps a task from starting, if its status has just come to say so."""
    if new.reason not in START_ERRORS or (new.reason, new.phase) == (old.reason, old.phase):
        return None
    return LastError(truncate_message(f"{new.reason}: {new.message or ''}"), now.replace(microsecond=0))


def new_status(
    queue: DjangoTaskQueue,
    counts: TaskCounts,
    problem: NotReady | None,
    last: LastError | None,
    now: datetime,
    notes: Sequence[str] = (),
    held: Held | None = None,
    standby: StandbyState | None = None,
) -> QueueStatus:
    """The queue's next status; equal to its current one where nothing has changed. `last`: None where no error is known
    but the one of the current status. `notes`: on the pods of a queue that is Ready. `standby`: None for a queue
    without standby pods."""
    error = (queue.status.last_error, queue.status.last_error_at) if last is None else last
    return QueueStatus(
        queued=counts.queued,
        running=counts.running,
        oldest_queued_at=counts.oldest,
        held=held,
        last_error=error[0],
        last_error_at=error[1],
        standby=None if standby is None else standby.counts,
        conditions=[
            _ready_condition(queue, problem, now, notes, held),
            *([] if standby is None else [_standby_condition(queue, standby, now)]),
        ],
    )


def condition_of(queue: DjangoTaskQueue, type_: str) -> QueueCondition | None:
    return next((found for found in queue.status.conditions if found.type == type_), None)


def held_words(held: Held) -> str:
    """What a hold does, and who says so until when and why."""
    least = "Nothing is started" if held.concurrency == 0 else f"At most {held.concurrency:,} tasks run at once"
    by = f" by {held.by}" if held.by else ""
    until = "" if held.until is None else f" until {wire_time(held.until)}"
    return f"{least} while the queue is held{by}{until}{f': {held.reason}' if held.reason else '.'}"


def _ready_condition(
    queue: DjangoTaskQueue, problem: NotReady | None, now: datetime, notes: Sequence[str], held: Held | None
) -> QueueCondition:
    """A queue that is suspended or held is Ready: nothing is wrong with it, and a deployment that waits for the
    condition must not wait until somebody ends that."""
    status: Literal["True", "False"] = "True" if problem is None else "False"
    if problem is not None:
        reason, message = problem.reason, problem.message
    elif queue.spec.suspended:
        reason, message = SUSPENDED, "Tasks can be started, and wait until spec.suspended is false."
    elif held is not None:
        reason, message = HELD, held_words(held)
    else:
        reason, message = READY, "Tasks can be started."
    if problem is None:
        message = truncate_message(" ".join((message, *notes)))
    return _condition(queue, READY, status, reason, message, now)


def _standby_condition(queue: DjangoTaskQueue, standby: StandbyState, now: datetime) -> QueueCondition:
    ready, starting = standby.counts.ready, standby.counts.starting
    if standby.problem is not None:
        return _condition(queue, STANDBY_READY, "False", standby.problem[0], truncate_message(standby.problem[1]), now)
    if ready or (queue.spec.standby is not None and not queue.spec.standby.min):
        message = "Standby pods wait for tasks, where any are needed."
        return _condition(queue, STANDBY_READY, "True", READY, message, now)
    words = "Standby pods are being started." if starting else "There are no standby pods yet."
    return _condition(queue, STANDBY_READY, "False", "Starting", words, now)


def _condition(
    queue: DjangoTaskQueue,
    type_: ConditionType,
    status: Literal["True", "False"],
    reason: str,
    message: str,
    now: datetime,
) -> QueueCondition:
    before = condition_of(queue, type_)
    since = before.last_transition_time if before is not None and before.status == status else None
    return QueueCondition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        observed_generation=queue.metadata.generation,
        last_transition_time=since or now.replace(microsecond=0),
    )
