"""Parse Jobs and Pods of the API server into views. Pure."""

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from djangotasks_api.assignment import TOKEN_VARIABLE
from djangotasks_api.bounds import (
    DNS_LABEL_MAX_CHARS,
    DNS_NAME_MAX_CHARS,
    MAX_ATTEMPTS,
    QUANTITY_MAX_CHARS,
    SECONDS_PER_YEAR,
)
from djangotasks_api.names import (
    ATTEMPT_LABEL,
    CONTAINER_NAME,
    DNS_LABEL_PATTERN,
    POD_ANNOTATION,
    QUEUE_LABEL,
    STANDBY_LABEL,
    TASK_LABEL,
    TASK_UID_LABEL,
    job_name,
)
from djangotasks_operator.pods.init_states import failed_init, initializing
from djangotasks_operator.pods.views import (
    CREATED_AT_ANNOTATION,
    DEFAULT_CONTAINER_ANNOTATION,
    HEARTBEAT_ANNOTATION,
    RETRIES_LEFT_ANNOTATION,
    AttemptId,
    Body,
    Job,
    Pod,
    Terminated,
    Waiting,
)

# No node has room, or something holds the pod back: a scheduling gate, such as Kueue's.
GATED = "SchedulingGated"
NOT_SCHEDULED = ("Unschedulable", GATED)
# The kubelet's reasons for a container that waits and is only taking its time.
STARTING = (None, "ContainerCreating", "PodInitializing")


def _parse_time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def controller_uid(metadata: Body) -> str:
    """The uid of the object that controls this one, or an empty string."""
    return next((owner["uid"] for owner in metadata.get("ownerReferences", ()) if owner.get("controller")), "")


def _true_conditions(status: Body) -> Iterator[tuple[str, Body]]:
    """The conditions that are True, by type."""
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True":
            yield condition["type"], condition


def parse_job(body: Body) -> Job | None:
    """Parse a Job. None where it is not an attempt's."""
    metadata, status = body["metadata"], body.get("status") or {}
    if (attempt := attempt_of(metadata)) is None:
        return None
    finished = any(type_ in ("Complete", "Failed") for type_, _ in _true_conditions(status))
    return Job(
        **_identity(metadata, attempt),
        finished=finished,
        deleting="deletionTimestamp" in metadata,
        # Thousands of finished Jobs are cached, and need no Pod any more.
        pod_labels={} if finished else dict(body["spec"]["template"].get("metadata", {}).get("labels", {})),
        standby=_standby_of(metadata),
        owned=controller_uid(metadata) == attempt.uid,
    )


def parse_pod(body: Body, expected: AttemptId | None = None) -> Pod | None:
    """Parse a Pod. None where it is not an attempt's. `expected`: whose Pod it is by its name and its owner, also where
    its labels were taken away."""
    labelled = attempt_of(body["metadata"])
    if (attempt := labelled or expected) is None:
        return None
    return parse_as_attempt(body, attempt, watched=labelled is not None)


def parse_as_attempt(body: Body, attempt: AttemptId, *, watched: bool = True) -> Pod:
    """Parse a Pod whose attempt is known."""
    metadata, status = body["metadata"], body.get("status") or {}
    main = _main_container(body)
    statuses = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    state = next((s.get("state") or {} for s in statuses if s.get("name") == main), {})
    true = dict(_true_conditions(status))
    created_at = _parse_time(metadata["creationTimestamp"])
    assert created_at is not None  # noqa: S101 - the API server sets it
    standby, stamped_at = STANDBY_LABEL in (metadata.get("labels") or {}), _stamp(metadata)
    if standby and stamped_at is not None:
        created_at = max(created_at, stamped_at)
    return Pod(
        **_identity(metadata, attempt),
        job_uid=controller_uid(metadata),
        created_at=created_at,
        deletes_by=_parse_time(metadata.get("deletionTimestamp")),
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        waiting=next(_waiting(statuses), None),
        running_since=_parse_time(state.get("running", {}).get("startedAt")),
        terminated=_terminated(state["terminated"]) if "terminated" in state else None,
        disruption=true["DisruptionTarget"].get("reason", "") if "DisruptionTarget" in true else None,
        disruption_message=true.get("DisruptionTarget", {}).get("message", ""),
        unschedulable=_unschedulable(status),
        gated=any(condition.get("reason") == GATED for condition in status.get("conditions") or ()),
        queue=sys.intern((metadata.get("labels") or {}).get(QUEUE_LABEL, "")),
        stamped_at=stamped_at,
        standby=standby,
        image=_image(body, main),
        node=_node(body),
        memory_limit=_memory_limit(body, main),
        heartbeat_timeout=_heartbeat_timeout(metadata),
        retries_left=_retries_left(metadata),
        container=CONTAINER_NAME if main is None else sys.intern(main),
        scheduled_at=_parse_time(true["PodScheduled"].get("lastTransitionTime")) if "PodScheduled" in true else None,
        acknowledged_at=_parse_time(status.get("startTime")),
        watched=watched,
        token=_token(body, main) if "terminated" in state else "",
        grace_seconds=(body.get("spec") or {}).get("terminationGracePeriodSeconds"),
        sidecars=any(
            s.get("name") != main and "terminated" not in (s.get("state") or {})
            for s in status.get("containerStatuses") or ()
        ),
        initializing=initializing(body) if status.get("phase") == "Pending" else None,
        failed_init=failed_init(body) if status.get("phase") == "Failed" and "terminated" not in state else None,
    )


def _identity(metadata: Body, attempt: AttemptId) -> dict[str, Any]:
    """The fields of AttemptObject."""
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "resource_version": metadata["resourceVersion"],
        "task": attempt.task,
        "task_uid": attempt.uid,
        "attempt": attempt.number,
    }


def attempt_of(metadata: Body) -> AttemptId | None:
    """Read the labels of a Job or Pod. None where they are not an attempt's, or the name is not: a copy for debugging
    has the labels, too."""
    labels = metadata.get("labels") or {}
    task, uid, attempt = (labels.get(label, "") for label in (TASK_LABEL, TASK_UID_LABEL, ATTEMPT_LABEL))
    if not (task and uid and attempt.isdecimal()):
        return None
    name = job_name(task, int(attempt))
    if metadata["name"] != name and not (STANDBY_LABEL in labels and _is_controlled_by_job(metadata, name)):
        return None
    return AttemptId(task, uid, int(attempt))


def _is_controlled_by_job(metadata: Body, name: str) -> bool:
    """A standby pod keeps its own name under the Job that has claimed it."""
    owners = metadata.get("ownerReferences") or ()
    return any(o.get("controller") and (o.get("kind"), o.get("name")) == ("Job", name) for o in owners)


def _standby_of(metadata: Body) -> str | None:
    name = (metadata.get("annotations") or {}).get(POD_ANNOTATION, "")
    # It becomes a part of a URL, and anybody who may edit Jobs may edit it.
    return name if len(name) <= DNS_LABEL_MAX_CHARS and re.fullmatch(DNS_LABEL_PATTERN, name) else None


def _main_container(body: Body) -> str | None:
    """The name of the container that runs the task. The annotation is for kubectl as well, and others change it: a
    webhook, or who wants to see the log of a sidecar. The task's own token is where nobody can change it."""
    annotated: str | None = (body["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER_ANNOTATION)
    found = [container.get("name") for container in _containers(body) if _has_token(container)]
    return annotated if annotated in found or not found else found[0]


def _has_token(container: Body) -> bool:
    # It is among the last variables.
    return any(variable.get("name") == TOKEN_VARIABLE for variable in reversed(container.get("env") or ()))


def _image(body: Body, container: str | None) -> str | None:
    image = _container(body, container).get("image")
    # Thousands of pods have the same.
    return sys.intern(image) if isinstance(image, str) else None


def _memory_limit(body: Body, container: str | None) -> str | None:
    """The container's, or where it has none the pod's, which all its containers share."""
    owners = (_container(body, container), body.get("spec") or {})
    limits = (((owner.get("resources") or {}).get("limits") or {}).get("memory") for owner in owners)
    limit = next((found for found in limits if found is not None), None)
    return sys.intern(limit) if isinstance(limit, str) and len(limit) <= QUANTITY_MAX_CHARS else None


def _node(body: Body) -> str | None:
    node = (body.get("spec") or {}).get("nodeName")
    return sys.intern(node) if isinstance(node, str) and 0 < len(node) <= DNS_NAME_MAX_CHARS else None


def _token(body: Body, container: str | None) -> str:
    variables = _container(body, container).get("env") or ()
    return next((v.get("value") or "" for v in variables if v.get("name") == TOKEN_VARIABLE), "")


def _container(body: Body, name: str | None) -> Body:
    return next((container for container in _containers(body) if container.get("name") == name), {})


def _containers(body: Body) -> Sequence[Body]:
    return (body.get("spec") or {}).get("containers") or ()


def _unschedulable(status: Body) -> str | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") in NOT_SCHEDULED:
            return str(condition.get("message", ""))
    return None


def _stamp(metadata: Body) -> datetime | None:
    try:
        stamp = datetime.fromisoformat((metadata.get("annotations") or {})[CREATED_AT_ANNOTATION])
    except (KeyError, ValueError):
        return None
    return stamp if stamp.tzinfo is not None else None


def _heartbeat_timeout(metadata: Body) -> timedelta | None:
    try:
        seconds = float((metadata.get("annotations") or {})[HEARTBEAT_ANNOTATION])
    except (KeyError, ValueError):
        return None
    return timedelta(seconds=seconds) if 0 < seconds <= SECONDS_PER_YEAR else None


def _retries_left(metadata: Body) -> int | None:
    text = (metadata.get("annotations") or {}).get(RETRIES_LEFT_ANNOTATION, "")
    # Three digits, so that no text takes long to parse.
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else -1
    return number if 0 <= number < MAX_ATTEMPTS.most else None


def _waiting(statuses: tuple[Any, ...]) -> Iterator[Waiting]:
    for status in statuses:
        waiting = (status.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in STARTING:
            message = waiting.get("message", "")
            if (last := (status.get("lastState") or {}).get("terminated")) is not None:
                # Of a sidecar that is started again and again, the kubelet says only that.
                message = f"{message} (it ended with exit code {last.get('exitCode', 0)})".lstrip()
            yield Waiting(reason=waiting["reason"], message=message, image=status.get("image") or "")


def _terminated(state: Body) -> Terminated:
    return Terminated(
        exit_code=state.get("exitCode", 0),
        signal=state.get("signal", 0),
        reason=state.get("reason", ""),
        message=state.get("message", ""),
        finished_at=_parse_time(state.get("finishedAt")),
    )
