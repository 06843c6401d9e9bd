"""A DjangoTask as JSON: Django's statuses for its phases, the fields of its payload, a field selector. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.tasks import TaskResultStatus

from django_tasks_kubernetes.codec import compression
from django_tasks_kubernetes.exceptions import InvalidPayload
from djangotasks_api.phases import Phase

Resource = dict[str, Any]

EMPTY: Final = '{"args":[],"kwargs":{}}'
# Beside a payloadRef, or before there is one. Explicit, because an absent payload gets the CRD's default.
NO_PAYLOAD: Final = {"payload": ""}

STATUSES: Final[dict[Phase, TaskResultStatus]] = {
    Phase.QUEUED: TaskResultStatus.READY,
    Phase.STARTING: TaskResultStatus.READY,
    Phase.RETRYING: TaskResultStatus.READY,
    Phase.RUNNING: TaskResultStatus.RUNNING,
    Phase.SUCCEEDED: TaskResultStatus.SUCCESSFUL,
    Phase.FAILED: TaskResultStatus.FAILED,
    Phase.CANCELLED: TaskResultStatus.FAILED,
}


def selector(*, queue: str | None, status: TaskResultStatus | None, task: str | None) -> str:
    """A field selector for the resources that may be in the status: it can say "and", and not "or"."""
    terms = []
    if queue is not None:
        terms.append(f"spec.queue={queue}")
    if task is not None:
        terms.append(f"spec.task={task}")
    if status is not None:
        phases = [phase for phase, of_phase in STATUSES.items() if of_phase == status]
        others = [phase for phase, of_phase in STATUSES.items() if of_phase != status]
        terms += [f"status.phase={phases[0]}"] if len(phases) == 1 else [f"status.phase!={phase}" for phase in others]
    return ",".join(terms)


def status_of(status: Mapping[str, Any]) -> TaskResultStatus:
    """Django's status for a resource's status, also for a phase that only a newer operator knows."""
    phase = status.get("phase", Phase.QUEUED)
    if phase in STATUSES:
        return STATUSES[Phase(phase)]
    # Its conditions and times show whether it is finished.
    held = {condition.get("type") for condition in status.get("conditions") or () if condition.get("status") == "True"}
    if "Complete" in held:
        return TaskResultStatus.SUCCESSFUL
    if "Failed" in held:
        return TaskResultStatus.FAILED
    return TaskResultStatus.RUNNING if status.get("startedAt") else TaskResultStatus.READY


def payload_text(payload: str, encoding: str | None) -> str:
    """Returns the payload as JSON text, decompressed. Raises InvalidPayload."""
    return payload if encoding is None else compression.decompress(payload, encoding)


class Arguments(NamedTuple):
    """What a payload says."""

    args: list[Any]
    """Of a chunk, its items are the first of them, as a list."""
    kwargs: dict[str, Any]
    is_chunk: bool


def decode_payload(text: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments from spec.payload. Raises InvalidPayload."""
    args, kwargs, _ = decode_arguments(text)
    return args, kwargs


def decode_arguments(text: str) -> Arguments:
    """The same, and whether the function is called for each item of a list. Raises InvalidPayload.

    An image that is older than chunks takes no payload with `each`: so it calls nothing with the list.
    """
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPayload(f"The payload is not JSON: {error}") from None
    match payload:
        case {"args": list(args), "kwargs": dict(kwargs), **rest} if not rest:
            return Arguments(args, kwargs, is_chunk=False)
        case {"each": list(items), "args": list(args), "kwargs": dict(kwargs), **rest} if not rest:
            return Arguments([items, *args], kwargs, is_chunk=True)
        case _:
            raise InvalidPayload('The payload must be {"args": [...], "kwargs": {...}} and nothing else.')


def payload_of(spec: Mapping[str, Any]) -> str | None:
    """The payload as JSON text; None where it is in a storage, or cannot be decompressed."""
    if spec.get("payloadRef"):
        return None
    try:
        return payload_text(spec.get("payload", EMPTY), spec.get("payloadEncoding"))
    except InvalidPayload:
        return None


def path_of(resource: Resource) -> str:
    """Of its task; of a workflow, that of its first step: the function that drew it may be none that is imported."""
    spec = resource["spec"]
    path: str = spec["steps"][0]["task"] if "steps" in spec else spec["task"]
    return path


def queue_of(resource: Resource) -> str:
    """Of a task, or of a workflow's own."""
    queue: str = resource["spec"].get("queue", "default")
    return queue


def merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Set the fields of `other`, at any depth, as a merge patch does; None stays."""
    for name, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value
