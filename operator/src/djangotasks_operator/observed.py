"""What the operator looks at in Jobs and Pods: small frozen views, parsed from the API's objects."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from djangotasks_api.names import (
    ATTEMPT_LABEL,
    CONTAINER_NAME,
    GROUP,
    SECONDS_PER_YEAR,
    TASK_LABEL,
    TASK_UID_LABEL,
)

# Names the container of a pod that matters most; kubectl logs and exec use it too.
DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container"
# When the operator created the Pod, to the microsecond: for metrics alone, since anybody who may edit Pods may edit it.
CREATED_AT_ANNOTATION = f"{GROUP}/created-at"
# For how many seconds the attempt may be silent. What its pod was told, since it keeps to that: another value in the
# queue's policy counts from the next attempt on.
HEARTBEAT_ANNOTATION = f"{GROUP}/heartbeat-timeout"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt's Job."""

    name: str
    namespace: str
    uid: str
    resource_version: str
    task: str
    task_uid: str
    attempt: int
    finished: bool
    deleting: bool
    # As the API server completed them: the Pod carries them, so that `kubectl logs job/…` finds it.
    pod_labels: dict[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A container that does not start, in the kubelet's words."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated:
    """A container that ended. `message`: its termination message, or the end of its log."""

    exit_code: int
    signal: int
    reason: str
    message: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One attempt's Pod. `image`, `running_since`, `terminated`: of `container`, which runs the task.

    `waiting`: of the first container that waits, init containers first. `disruption`: the reason of the
    condition DisruptionTarget. `sidecars`: another container has not ended.
    `unschedulable`: the scheduler's message, while it finds no node.
    `stamped_at`: when it was created, by the operator's clock, which is more exact.
    `heartbeat_timeout`: for how long the attempt may be silent; None for as long as it likes.
    `deletes_by`: when the grace period of its deletion ends; None while nobody deletes it.
    """

    name: str
    namespace: str
    uid: str
    resource_version: str
    task: str
    task_uid: str
    attempt: int
    job_uid: str
    created_at: datetime
    deletes_by: datetime | None
    phase: str
    reason: str
    message: str
    waiting: Waiting | None
    running_since: datetime | None
    terminated: Terminated | None
    disruption: str | None
    unschedulable: str | None
    stamped_at: datetime | None = None
    sidecars: bool = False
    image: str | None = None
    heartbeat_timeout: timedelta | None = None
    container: str = CONTAINER_NAME

    @property
    def deleting(self) -> bool:
        return self.deletes_by is not None

    @property
    def ended(self) -> bool:
        """No container runs any more, or the one that matters has ended."""
        return self.terminated is not None or self.phase in ("Succeeded", "Failed")

    @property
    def all_ended(self) -> bool:
        """Not even a sidecar runs any more."""
        return self.phase in ("Succeeded", "Failed")


def time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def controller_uid(metadata: Object) -> str:
    """The uid of the object that controls this one, or an empty string."""
    return next((owner["uid"] for owner in metadata.get("ownerReferences", ()) if owner.get("controller")), "")


def conditions(status: Object) -> Iterator[tuple[str, Object]]:
    """The conditions that are True."""
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True":
            yield condition["type"], condition


def parse_job(body: Object) -> Job | None:
    """None where the labels are not ours: nothing to do with it."""
    metadata, status = body["metadata"], body.get("status") or {}
    if (identity := attempt_of(metadata)) is None:
        return None
    finished = any(type_ in ("Complete", "Failed") for type_, _ in conditions(status))
    return Job(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        task=identity[0],
        task_uid=identity[1],
        attempt=identity[2],
        finished=finished,
        deleting="deletionTimestamp" in metadata,
        # Thousands of Jobs are kept that need no Pod any more.
        pod_labels={} if finished else dict(body["spec"]["template"].get("metadata", {}).get("labels", {})),
    )


def parse_pod(body: Object) -> Pod | None:
    """None where the labels are not ours: nothing to do with it."""
    metadata, status = body["metadata"], body.get("status") or {}
    if (identity := attempt_of(metadata)) is None:
        return None
    main = (metadata.get("annotations") or {}).get(DEFAULT_CONTAINER_ANNOTATION)
    statuses = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    state = next((s.get("state") or {} for s in statuses if s.get("name") == main), {})
    true = dict(conditions(status))
    unscheduled = next(
        (
            condition
            for condition in status.get("conditions") or ()
            if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable"
        ),
        None,
    )
    created_at = time(metadata["creationTimestamp"])
    assert created_at is not None  # noqa: S101 - the API server sets it
    return Pod(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        task=identity[0],
        task_uid=identity[1],
        attempt=identity[2],
        job_uid=controller_uid(metadata),
        created_at=created_at,
        deletes_by=time(metadata.get("deletionTimestamp")),
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        waiting=next(_waiting(statuses), None),
        running_since=time(state.get("running", {}).get("startedAt")),
        terminated=_terminated(state["terminated"]) if "terminated" in state else None,
        disruption=true["DisruptionTarget"].get("reason", "") if "DisruptionTarget" in true else None,
        unschedulable=None if unscheduled is None else unscheduled.get("message", ""),
        stamped_at=_stamp(metadata),
        image=_image(body, main),
        heartbeat_timeout=_heartbeat_timeout(metadata),
        container=CONTAINER_NAME if main is None else sys.intern(main),
        sidecars=any(
            s.get("name") != main and "terminated" not in (s.get("state") or {})
            for s in status.get("containerStatuses") or ()
        ),
    )


def attempt_of(metadata: Object) -> tuple[str, str, int] | None:
    """The task, its uid, and the attempt's number, as the labels of a Job or Pod say. None where they are not ours."""
    labels = metadata.get("labels") or {}
    task, uid, attempt = (labels.get(label, "") for label in (TASK_LABEL, TASK_UID_LABEL, ATTEMPT_LABEL))
    return (task, uid, int(attempt)) if task and uid and attempt.isdecimal() else None


def _image(body: Object, container: str | None) -> str | None:
    containers = (body.get("spec") or {}).get("containers") or ()
    image = next((c.get("image") for c in containers if c.get("name") == container), None)
    # Thousands of pods have the same.
    return None if image is None else sys.intern(image)


def _stamp(metadata: Object) -> datetime | None:
    try:
        stamp = datetime.fromisoformat((metadata.get("annotations") or {})[CREATED_AT_ANNOTATION])
    except (KeyError, ValueError):
        return None
    return stamp if stamp.tzinfo is not None else None


def _heartbeat_timeout(metadata: Object) -> timedelta | None:
    try:
        seconds = float((metadata.get("annotations") or {})[HEARTBEAT_ANNOTATION])
    except (KeyError, ValueError):
        return None
    return timedelta(seconds=seconds) if 0 < seconds <= SECONDS_PER_YEAR else None


def _waiting(statuses: tuple[Any, ...]) -> Iterator[Waiting]:
    for status in statuses:
        waiting = (status.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            yield Waiting(reason=waiting["reason"], message=waiting.get("message", ""))


def _terminated(state: Object) -> Terminated:
    return Terminated(
        exit_code=state.get("exitCode", 0),
        signal=state.get("signal", 0),
        reason=state.get("reason", ""),
        message=state.get("message", ""),
        finished_at=time(state.get("finishedAt")),
    )
