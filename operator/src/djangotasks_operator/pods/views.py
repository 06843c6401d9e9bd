"""Views of Jobs and Pods: what the operator needs of them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from djangotasks_api.names import CONTAINER_NAME, GROUP
from djangotasks_operator.pods.room import lacking

# Names the main container of a pod; kubectl logs and exec use it too.
DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container"
# When the operator created the Pod, to the microsecond: for metrics alone, since anybody who may edit Pods may edit it.
CREATED_AT_ANNOTATION = f"{GROUP}/created-at"
# The attempt's heartbeat timeout in seconds, as its pod was given it: another value in the queue's policy counts from
# the next attempt on.
HEARTBEAT_ANNOTATION = f"{GROUP}/heartbeat-timeout"

# How many attempts may follow this one if it fails, as its pod knows: receivers of task_finished go by it.
RETRIES_LEFT_ANNOTATION = f"{GROUP}/retries-left"

# An object of the API, or a part of one, that is only read.
Body = Mapping[str, Any]


class AttemptId(NamedTuple):
    """An attempt of a task."""

    task: str
    uid: str
    """Of the task."""
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptObject:
    """What an attempt's Job and its Pod have in common."""

    name: str
    namespace: str
    uid: str
    resource_version: str
    task: str
    task_uid: str
    attempt: int

    @property
    def id(self) -> AttemptId:
        """Of the attempt."""
        return AttemptId(self.task, self.task_uid, self.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(AttemptObject):
    """One attempt's Job."""

    finished: bool
    """It has the condition Complete or Failed."""
    deleting: bool
    pod_labels: dict[str, str] = field(hash=False)
    """As the API server completed them: the Pod carries them, so that `kubectl logs job/…` finds it."""
    standby: str | None = None
    """The name of the standby pod that the attempt claims, where it claims one."""
    owned: bool = True
    """Its task owns it: it is deleted with the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A container that does not start."""

    reason: str
    """The kubelet's."""
    message: str
    image: str = ""
    """As the template names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated:
    """A container that ended."""

    exit_code: int
    signal: int
    reason: str
    message: str
    """Its termination message, or the end of its log."""
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod(AttemptObject):
    """One attempt's Pod."""

    job_uid: str
    """Of the Job that controls it."""
    created_at: datetime
    """By the API server's clock, in whole seconds. Of a standby pod, when the attempt claimed it."""
    deletes_by: datetime | None
    """When the grace period of its deletion ends; None while nobody deletes it."""
    phase: str
    reason: str
    message: str
    waiting: Waiting | None
    """Of the first container that waits, init containers first."""
    running_since: datetime | None
    """Of the container that runs the task."""
    terminated: Terminated | None
    """Of the container that runs the task."""
    disruption: str | None
    """The reason of the condition DisruptionTarget."""
    unschedulable: str | None
    """The scheduler's message, while it finds no node."""
    disruption_message: str = ""
    """Of that condition: who disrupts the pod, and for what."""
    gated: bool = False
    """The scheduler does not look for one yet: something holds the pod back, such as Kueue."""
    queue: str = ""
    """Of the task."""
    stamped_at: datetime | None = None
    """When it was created, by the operator's clock, to the microsecond."""
    grace_seconds: int | None = None
    """How long its containers may take to end when it is deleted."""
    sidecars: bool = False
    """Another container has not ended."""
    initializing: str | None = None
    """Of a pod that has a node: the init container or the sidecar that its containers wait for, in a sentence."""
    failed_init: str | None = None
    """Of a pod that failed before its containers started: the init container that did, and what it left."""
    image: str | None = None
    """Of the container that runs the task."""
    node: str | None = None
    """Where it is; None before one was found."""
    memory_limit: str | None = None
    """Of the container that runs the task, as its pod has it."""
    heartbeat_timeout: timedelta | None = None
    """How long the attempt may go without a report; None for ever."""
    retries_left: int | None = None
    """How many attempts may follow if it fails, by the policy with which it started. None for an older operator's."""
    container: str = CONTAINER_NAME
    """The name of the container that runs the task."""
    scheduled_at: datetime | None = None
    """When a node was found for it, by the control plane's clock."""
    acknowledged_at: datetime | None = None
    """When its kubelet took it, by the node's clock."""
    watched: bool = True
    """False where its labels were taken away: no watch delivers it."""
    standby: bool = False
    """It was there before the attempt."""
    token: str = field(default="", repr=False)
    """What its task was given to sign reports with, once it has terminated. It outlives the operator's keys."""

    @property
    def deleting(self) -> bool:
        return self.deletes_by is not None

    @property
    def lacks(self) -> frozenset[str]:
        """What the scheduler finds too little of for it: see `room.lacking`."""
        return frozenset() if self.unschedulable is None or self.gated else lacking(self.unschedulable)

    @property
    def ended(self) -> bool:
        """The container that runs the task has ended, or all have, or none ever starts."""
        return self.terminated is not None or self.all_ended

    @property
    def all_ended(self) -> bool:
        """No container runs any more, not even a sidecar."""
        return self.phase in ("Succeeded", "Failed") or self.never_runs

    @property
    def never_runs(self) -> bool:
        """It was deleted before it had a node, and gets none any more: a finalizer, such as Kueue's, is all that keeps
        it."""
        return self.deleting and self.unschedulable is not None and self.node is None
