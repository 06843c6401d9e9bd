"""What `decide` may answer: the one next step for a task."""

from dataclasses import dataclass
from datetime import datetime

from djangotasks_api.models import Attempt, TaskStatus
from djangotasks_operator.observed import Job, Pod


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before something changes, or before `until`."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AwaitSlot:
    """Ready to start, when its queue has a place for it. To be asked about again at `until`."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Create the attempt's Job and Pod, or whichever is missing."""

    number: int


@dataclass(frozen=True, slots=True)
class DeletePod:
    pod: Pod


@dataclass(frozen=True, slots=True)
class WriteStatus:
    status: TaskStatus


@dataclass(frozen=True, slots=True)
class Tell:
    """Write the status in its turn: it is good to know, and nothing depends on it. To be asked about again at
    `until`."""

    status: TaskStatus
    until: datetime | None


@dataclass(frozen=True, slots=True)
class FinishJob:
    """Write the Job's final status. `attempt`: how it ended."""

    job: Job
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Delete it then, which may be now; its Jobs and Pods go with it. Others do it, who have time."""

    at: datetime


Decision = Wait | AwaitSlot | Start | DeletePod | WriteStatus | Tell | FinishJob | DeleteTask
