"""The actions that `decide` may return: the one next step for a task. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from djangotasks_api.models import Attempt, TaskStatus
from djangotasks_operator.pods.views import Job, Pod


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing before the cached state changes, or before `until`."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AwaitAdmission:
    """Let the task wait for admission. Decide again at `until`."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Create the attempt's Job and Pod, or whichever is missing."""

    number: int


@dataclass(frozen=True, slots=True)
class DeletePod:
    pod: Pod
    grace: timedelta | None = None
    """How long it may take to end; None for the pod's own grace period."""


@dataclass(frozen=True, slots=True)
class WriteStatus:
    status: TaskStatus


@dataclass(frozen=True, slots=True)
class WriteStatusLater:
    """Low-priority status update; may be dropped. Decide again at `until`."""

    status: TaskStatus
    until: datetime | None


@dataclass(frozen=True, slots=True)
class FinishJob:
    """Write the Job's final status."""

    job: Job
    attempt: Attempt
    """Says how it ended."""


@dataclass(frozen=True, slots=True)
class SettleReturned:
    """The workflow that the task has returned is over, is to be stopped, or is not known: see to it."""


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Delete the finished task at this time, which may have passed; its Jobs and Pods go with it."""

    at: datetime


type Action = (
    Wait | AwaitAdmission | Start | DeletePod | WriteStatus | WriteStatusLater | FinishJob | SettleReturned | DeleteTask
)


@dataclass(frozen=True, slots=True)
class FetchLog:
    """Fetch the end of the log of the pod's main container, in the background."""

    pod: Pod
    before_deletion: bool = False
    """The pod's deletion waits for it."""


@dataclass(frozen=True, slots=True)
class StoreLogTail:
    """Write the end of an attempt's log into the task's status."""

    attempt: int
    text: str


# What log retention may put before an action.
type LogAction = FetchLog | StoreLogTail
