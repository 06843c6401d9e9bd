"""Make the assignment of an attempt, which hands the task to the runner in its pod. Pure."""

from djangotasks_api.assignment import INPUTS_ENCODING, Assignment
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from djangotasks_api.items import to_run
from djangotasks_api.models import DjangoTask, ItemsStatus
from djangotasks_api.names import job_name
from djangotasks_api.stored import TextRef
from djangotasks_operator.scheduling.limits import Limits


class InvalidPayload(ValueError):
    """The payload cannot be given to a pod. The message says why."""


def make_assignment(
    task: DjangoTask,
    number: int,
    payload: str,
    limits: Limits,
    *,
    url: str,
    token: str,
    has_inputs: bool = False,
    pod: str | None = None,
) -> Assignment:
    """`payload`: of the task, which the cache does not have. `url`, `token`: where and how the pod reports.
    `has_inputs`: the payload lacks some, which the pod reads there. `pod`: where it has not the Job's name. Raises
    InvalidPayload."""
    metadata, spec, status = task.metadata, task.spec, task.status
    enqueued_at = spec.enqueued_at or metadata.creation_timestamp
    if has_inputs and (spec.payload_ref is not None or spec.payload_encoding is not None):
        raise InvalidPayload(
            "Inputs go into a payload that is JSON text, and not into one in a storage, or compressed."
        )
    ref = None
    if spec.payload_ref is not None:
        # The payload is then the CRD's default, which must not be taken for the arguments.
        payload = ""
        try:
            ref = TextRef.from_data(spec.payload_ref.model_dump())
        except ValueError as error:
            raise InvalidPayload(f"payloadRef: {error}.") from None
    if len(payload.encode()) > PAYLOAD_MAX_BYTES:
        raise InvalidPayload(
            f"The payload has more than {PAYLOAD_MAX_BYTES} bytes: it does not fit into a pod's environment."
        )
    return Assignment(
        id=metadata.name,
        namespace=metadata.namespace,
        uid=metadata.uid,
        attempt=number,
        worker_id=pod or job_name(metadata.name, number),
        task=spec.task,
        queue=spec.queue,
        backend=spec.backend,
        priority=spec.priority,
        enqueued_at=enqueued_at.isoformat() if enqueued_at else "",
        run_after=spec.run_after.isoformat() if spec.run_after else None,
        worker_ids=tuple(attempt.pod for attempt in status.attempts if attempt.number < number),
        started_at=status.started_at.isoformat() if status.started_at else None,
        url=url,
        token=token,
        payload=payload,
        retry_on=limits.retry_on,
        never_retry_on=limits.never_retry_on,
        heartbeat_timeout=limits.heartbeat_timeout.total_seconds() if limits.heartbeat_timeout else None,
        retries_left=max(limits.max_attempts - (number - status.interruptions), 0),
        payload_encoding=INPUTS_ENCODING if has_inputs else spec.payload_encoding,
        payload_ref=ref,
        chunk=_to_run(task),
        has_items=status.items is not None and bool(status.items.completed or status.items.failed),
        scheduled_for=spec.scheduled_for.isoformat() if spec.scheduled_for else None,
    )


def _to_run(task: DjangoTask) -> str | None:
    """The items that the attempt runs; None where the task is no chunk. Raises InvalidPayload."""
    if (chunk := task.spec.chunk) is None:
        return None
    known = task.status.items or ItemsStatus()
    try:
        return str(to_run(chunk.size, chunk.only, known.completed, known.failed))
    except ValueError as error:
        raise InvalidPayload(f"The items of the chunk cannot be read: {error}.") from None
