"""A new task: its id, chosen before anything is sent, its result, and its resource. No I/O."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.tasks import TaskResultStatus
from django.utils import timezone

from django_tasks_kubernetes.codec import compression, json_text
from django_tasks_kubernetes.codec.decode import Fill, Read, chunk_of, decode, no_results, no_storage
from django_tasks_kubernetes.codec.encode import encode
from django_tasks_kubernetes.codec.resource import NO_PAYLOAD, Resource
from django_tasks_kubernetes.codec.times import milliseconds, to_wire
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import InvalidResource, NotFinished, PayloadTooLarge
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.task import AnyTask, options_of
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from djangotasks_api.names import (
    ENQUEUED_BY_LABEL,
    REQUEST_ANNOTATION,
    REQUESTED_BY_ANNOTATION,
    RETRY_OF_LABEL,
    STEP_LABEL,
    WORKFLOW_LABEL,
)
from djangotasks_api.phases import TERMINAL_PHASES
from djangotasks_api.stored import TextRef
from djangotasks_api.task_ids import id_for, new_id, order_labels

DEFAULTS: Final = Options()
# Fields that a retry does not copy: it is due now, has no key, is not cancelled, is no part of a workflow, and who
# enqueued it is somebody else.
NOT_REPEATED: Final = {
    "cancel", "cancelReason", "runAfter", "expiresAt", "idempotencyKey", "enqueuedBy", "workflow", "inputs",
}  # fmt: skip
LABELS_NOT_REPEATED: Final = {ENQUEUED_BY_LABEL, WORKFLOW_LABEL, STEP_LABEL}


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that is to be created."""

    result: KubernetesResult
    resource: Resource
    overflow: str | None = field(default=None, repr=False)
    """The payload, where it is too long for the resource and goes to a storage first."""

    @property
    def name(self) -> str:
        return self.result.id


def new_task(
    task: AnyTask, args: Sequence[Any], kwargs: Mapping[str, Any], backend: str, options: Options = DEFAULTS
) -> NewTask:
    """Makes a task, with a new id or the one of its idempotency key.

    Raises TypeError or ValueError for arguments that are not JSON, and PayloadTooLarge.
    """
    return _new(task, args, kwargs, arguments_text(args, kwargs), backend, options)


def new_chunk(
    task: AnyTask,
    items: Sequence[Any],
    more: Sequence[Any],
    kwargs: Mapping[str, Any],
    backend: str,
    options: Options = DEFAULTS,
    *,
    name: str = "items",
) -> NewTask:
    """Makes a task that calls its function once for each item: `items` is the list of first arguments, `name` what
    errors call it. Raises as new_task() does."""
    text = chunk_text(items, more, kwargs, name)
    return _new(task, [items, *more], kwargs, text, backend, options, chunk={"size": len(items)})


def _new(
    task: AnyTask,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    text: str,
    backend: str,
    options: Options,
    chunk: Mapping[str, Any] | None = None,
) -> NewTask:
    payload, overflow = placed(text, options)
    if overflow is not None and (problem := _too_large(len(text), options)):
        fewer = "" if chunk is None else " Or put fewer items in a chunk: size."
        raise PayloadTooLarge(f"The arguments of {task.module_path} take {len(text):,} bytes as JSON. {problem}{fewer}")
    key, now = options_of(task).get("idempotency_key"), timezone.now()
    result = KubernetesResult(
        task=task,
        id=new_id(milliseconds(now)) if key is None else id_for(task.module_path, key),
        status=TaskResultStatus.READY,
        enqueued_at=now,
        started_at=None,
        last_attempted_at=None,
        finished_at=None,
        args=list(args),
        kwargs=dict(kwargs),
        backend=backend,
        errors=[],
        worker_ids=[],
    )
    resource = marked(encode(result, payload))
    if chunk is not None:
        resource["spec"]["chunk"] = dict(chunk)
        object.__setattr__(result, "chunk", chunk_of(resource["spec"]))
    return NewTask(result, resource, overflow)


def marked(resource: Resource, mark_text: str | None = None) -> Resource:
    """With a mark of this one request, by which it is known again when its answer was lost, and it is repeated."""
    mark = {REQUEST_ANNOTATION: mark_text or uuid.uuid4().hex}
    return resource | {"metadata": resource["metadata"] | {"annotations": mark}}


def arguments_text(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """The payload as JSON text. Raises TypeError or ValueError for what is not JSON."""
    return f'{{"args":{json_text.dumps(args, name="args")},"kwargs":{json_text.dumps(kwargs, name="kwargs")}}}'


def chunk_text(items: Sequence[Any], more: Sequence[Any], kwargs: Mapping[str, Any], name: str) -> str:
    """The payload of a chunk as JSON text. Raises TypeError or ValueError for what is not JSON."""
    return f'{{"each":{json_text.dumps(items, name=name)},{arguments_text(more, kwargs)[1:]}'


def placed(text: str, options: Options) -> tuple[Mapping[str, str], str | None]:
    """The fields of the resource for the payload, compressed if configured and shorter; and what goes to a storage."""
    start = options.compress_payload_from
    packed = compression.compress(text) if start is not None and len(text) >= start else None
    if packed is not None and len(packed) <= PAYLOAD_MAX_BYTES:
        return {"payload": packed, "payloadEncoding": compression.ENCODING}, None
    return ({"payload": text}, None) if len(text) <= PAYLOAD_MAX_BYTES else (NO_PAYLOAD, text)


def _too_large(size: int, options: Options) -> str | None:
    if options.storage is None:
        return (
            f"{PAYLOAD_MAX_BYTES:,} are allowed. Store the data, and pass its primary key or file name; or let a "
            "storage have what is larger: OPTIONS['STORAGE']."
        )
    if size > options.storage_max_bytes:
        return f"{options.storage_max_bytes:,} are allowed in the storage: OPTIONS['STORAGE_MAX_BYTES']."
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """How a task is repeated."""

    as_id: str | None = None
    """The id of the new task; None for a new one."""
    requested_by: str = ""


REPEAT: Final = Repeat()


def repeated(resource: Resource, now: datetime, how: Repeat = REPEAT) -> Resource:
    """Makes a DjangoTask that does once more what a finished one did. Raises NotFinished."""
    name, phase = resource["metadata"]["name"], (resource.get("status") or {}).get("phase")
    if phase not in TERMINAL_PHASES:
        raise NotFinished(f"Task {name} is not finished. Wait for its end, or cancel it first.")
    kept = {field: value for field, value in resource["spec"].items() if field not in NOT_REPEATED}
    labels = {k: v for k, v in (resource["metadata"].get("labels") or {}).items() if k not in LABELS_NOT_REPEATED}
    new = how.as_id or new_id(milliseconds(now))
    made = {
        "apiVersion": resource["apiVersion"],
        "kind": resource["kind"],
        "metadata": {"name": new, "labels": labels | order_labels(new) | {RETRY_OF_LABEL: name}},
        "spec": kept | {"enqueuedAt": to_wire(now), "retryOf": name},
    }
    # The same id is the same request.
    made = marked(made, how.as_id)
    if how.requested_by:
        made["metadata"]["annotations"][REQUESTED_BY_ANNOTATION] = how.requested_by
    return made


def repetition_of_items(
    resource: Resource, result: KubernetesResult, positions: Sequence[int], options: Options = DEFAULTS
) -> NewTask:
    """Makes a task that calls its function once more for some items of a finished chunk. `result`: of the chunk. Raises
    NotFinished, PayloadTooLarge, and StorageFailed where the items are in a storage."""
    items, *more = result.args
    again = marked(repeated(resource, timezone.now()))
    text = chunk_text([items[position] for position in positions], more, result.kwargs, "items")
    payload, overflow = placed(text, options)
    if overflow is not None and (problem := _too_large(len(text), options)):
        raise PayloadTooLarge(f"The items of task {result.id} take {len(text):,} bytes as JSON. {problem}")
    gone = ("payload", "payloadEncoding", "payloadRef")
    kept = {field: value for field, value in again["spec"].items() if field not in gone}
    spec = kept | {"chunk": {"size": len(positions)}}
    shown = decode(again | {"spec": spec | {"payload": text}}, alias=result.backend)
    return NewTask(shown, again | {"spec": spec | dict(payload)}, overflow)


def repetition(
    resource: Resource,
    alias: str,
    options: Options = DEFAULTS,
    read: Read = no_storage,
    fill: Fill = no_results,
    how: Repeat = REPEAT,
) -> NewTask:
    """Makes a task that does once more what a finished one did. Raises NotFinished, and PayloadTooLarge for results of
    other tasks, which it has in its payload.

    A payload in a storage is read, and stored again: each task has a file of its own, which is deleted with it.
    """
    again = repeated(resource, timezone.now(), how)
    if resource["spec"].get("inputs"):
        text = fill(resource)
        payload, overflow = placed(text, options)
        if overflow is not None and (problem := _too_large(len(text), options)):
            name = resource["metadata"]["name"]
            raise PayloadTooLarge(f"The arguments of task {name} take {len(text):,} bytes as JSON. {problem}")
        result = decode(again | {"spec": again["spec"] | {"payload": text}}, alias=alias)
        return NewTask(result, again | {"spec": again["spec"] | payload}, overflow)
    if (ref := again["spec"].get("payloadRef")) is None:
        return NewTask(decode(again, alias=alias), again)
    try:
        overflow = read(TextRef.from_data(ref))
    except ValueError as error:
        name = resource["metadata"]["name"]
        raise InvalidResource(f"Task {name} cannot be repeated: its payloadRef is wrong: {error}.") from None
    spec = {field: value for field, value in again["spec"].items() if field != "payloadRef"}
    result = decode(again | {"spec": spec | {"payload": overflow}}, alias=alias)
    return NewTask(result, again | {"spec": spec | NO_PAYLOAD}, overflow)
