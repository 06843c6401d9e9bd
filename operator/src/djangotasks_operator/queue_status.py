"""What a DjangoTaskQueue's status says, given what is known. Pure."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from djangotasks_api.models import DjangoTaskQueue, QueueCondition, QueueStatus, TaskStatus
from djangotasks_api.phases import Reason
from djangotasks_operator.transitions import sentence

# The reasons of a task's status that say what keeps it from starting.
KEEPS_FROM_STARTING = frozenset(
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
        Reason.START_TIMEOUT,
        Reason.POD_REFUSED,
    }
)
# Those among them that are the queue's, and may be the end of its being Ready.
FAULTS_OF_THE_QUEUE = frozenset({Reason.DEPLOYMENT_NOT_FOUND, Reason.INVALID_TEMPLATE, Reason.POD_REFUSED})
READY: Final = "Ready"
SUSPENDED: Final = "Suspended"


class Tally(NamedTuple):
    """A queue's unfinished tasks. `oldest`: since when the one has been ready to start that has been for the longest
    time."""

    queued: int
    running: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why no task of the queue can be started, or why one could not."""

    reason: str
    message: str


class Mishap(NamedTuple):
    """What last kept a task from starting, and when."""

    text: str
    at: datetime


def tally[K: Hashable](ready_at: Mapping[K, datetime], has_place: Callable[[K], bool], now: datetime) -> Tally:
    """`ready_at`: of each unfinished task. `has_place`: it was started, or is about to be."""
    waiting = [at for key, at in ready_at.items() if not has_place(key)]
    oldest = min(waiting, default=now)
    return Tally(len(waiting), len(ready_at) - len(waiting), oldest if oldest < now else None)


def mishap(old: TaskStatus, new: TaskStatus, now: datetime) -> Mishap | None:
    """Of a task's status that was written: whether it says that the task could not be started."""
    if new.reason not in KEEPS_FROM_STARTING or (new.reason, new.phase) == (old.reason, old.phase):
        return None
    return Mishap(sentence(f"{new.reason}: {new.message or ''}"), now.replace(microsecond=0))


def new_status(
    queue: DjangoTaskQueue, tally: Tally, problem: Problem | None, last: Mishap | None, now: datetime
) -> QueueStatus:
    """The queue's next status, which is equal to the last one where there is nothing to say. `last`: None where nothing
    is known but what the last one says."""
    error = (queue.status.last_error, queue.status.last_error_at) if last is None else last
    return QueueStatus(
        queued=tally.queued,
        running=tally.running,
        oldest_queued_at=tally.oldest,
        last_error=error[0],
        last_error_at=error[1],
        conditions=[_ready(queue, problem, now)],
    )


def _ready(queue: DjangoTaskQueue, problem: Problem | None, now: datetime) -> QueueCondition:
    """A suspended queue is Ready: nothing is wrong with it, and who waits for a deployment to be done is not to wait
    until somebody ends the pause."""
    status: Literal["True", "False"] = "True" if problem is None else "False"
    if problem is not None:
        reason, message = problem.reason, problem.message
    elif queue.spec.suspended:
        reason, message = SUSPENDED, "Tasks can be started, and wait until spec.suspended is false."
    else:
        reason, message = READY, "Tasks can be started."
    before = next(iter(queue.status.conditions), None)
    since = before.last_transition_time if before is not None and before.status == status else None
    return QueueCondition(
        type=READY,
        status=status,
        reason=reason,
        message=message,
        observed_generation=queue.metadata.generation,
        last_transition_time=since or now.replace(microsecond=0),
    )
