"""A task that is to be created: its id, chosen before anything is sent, its result, and its resource."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.tasks import TaskResultStatus
from django.utils import timezone

from django_tasks_kubernetes import codec, json_text, packing
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.exceptions import InvalidResource, NotFinished, PayloadTooLarge
from django_tasks_kubernetes.kubernetes_task import options_of
from django_tasks_kubernetes.options import Options
from django_tasks_kubernetes.results import KubernetesResult
from django_tasks_kubernetes.task_types import AnyResult, AnyTask
from django_tasks_kubernetes.times import to_wire
from djangotasks_api.names import GROUP, PAYLOAD_MAX_BYTES
from djangotasks_api.phases import TERMINAL_PHASES
from djangotasks_api.stored import TextRef

KEYS: Final = uuid.uuid5(uuid.NAMESPACE_DNS, GROUP)
DEFAULTS: Final = Options()
# What the repetition of a task has not in common with it: it is asked for now, by nobody's key, and not cancelled.
NOT_REPEATED: Final = {"cancel", "cancelReason", "runAfter", "expiresAt", "idempotencyKey"}


@dataclass(frozen=True, slots=True)
class NewTask:
    """`overflow`: the payload, where it is too long for the resource, and goes to a storage first."""

    result: AnyResult
    resource: Resource
    overflow: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.result.id


def id_for(task_path: str, key: str) -> str:
    """The same for the same task and key, so that the API server refuses a second one."""
    return str(uuid.uuid5(KEYS, f"{task_path} {key}"))


def new_task(
    task: AnyTask, args: Sequence[Any], kwargs: Mapping[str, Any], backend: str, options: Options = DEFAULTS
) -> NewTask:
    """Raises TypeError or ValueError for arguments that are not JSON, and PayloadTooLarge."""
    text = f'{{"args":{json_text.dumps(args, name="args")},"kwargs":{json_text.dumps(kwargs, name="kwargs")}}}'
    payload, overflow = _placed(text, options)
    if overflow is not None and (problem := _too_large(len(text), options)):
        raise PayloadTooLarge(f"The arguments of {task.module_path} take {len(text):,} bytes as JSON. {problem}")
    key = options_of(task).get("idempotency_key")
    result = KubernetesResult(
        task=task,
        id=str(uuid.uuid4()) if key is None else id_for(task.module_path, key),
        status=TaskResultStatus.READY,
        enqueued_at=timezone.now(),
        started_at=None,
        last_attempted_at=None,
        finished_at=None,
        args=list(args),
        kwargs=dict(kwargs),
        backend=backend,
        errors=[],
        worker_ids=[],
    )
    return NewTask(result, codec.encode(result, payload), overflow)


def _placed(text: str, options: Options) -> tuple[Mapping[str, str], str | None]:
    """The payload in the resource's fields, packed where that is wanted and pays; and what goes to a storage."""
    start = options.compress_payload_from
    packed = packing.pack(text) if start is not None and len(text) >= start else None
    if packed is not None and len(packed) <= PAYLOAD_MAX_BYTES:
        return {"payload": packed, "payloadEncoding": packing.ENCODING}, None
    return ({"payload": text}, None) if len(text) <= PAYLOAD_MAX_BYTES else (codec.NO_PAYLOAD, text)


def _too_large(size: int, options: Options) -> str | None:
    if options.storage is None:
        return (
            f"{PAYLOAD_MAX_BYTES:,} are allowed. Store the data, and pass its primary key or file name; or let a "
            "storage have what is larger: OPTIONS['STORAGE']."
        )
    if size > options.storage_max_bytes:
        return f"{options.storage_max_bytes:,} are allowed in the storage: OPTIONS['STORAGE_MAX_BYTES']."
    return None


def repeated(resource: Resource, now: datetime) -> Resource:
    """A new DjangoTask that does once more what a finished one did. Pure. Raises NotFinished."""
    name, phase = resource["metadata"]["name"], (resource.get("status") or {}).get("phase")
    if phase not in TERMINAL_PHASES:
        raise NotFinished(f"Task {name} is not finished. Wait for its end, or cancel it first.")
    kept = {field: value for field, value in resource["spec"].items() if field not in NOT_REPEATED}
    return {
        "apiVersion": resource["apiVersion"],
        "kind": resource["kind"],
        "metadata": {"name": str(uuid.uuid4()), "labels": resource["metadata"].get("labels", {})},
        "spec": kept | {"enqueuedAt": to_wire(now), "retryOf": name},
    }


def repetition(resource: Resource, alias: str, read: codec.Read = codec.no_storage) -> NewTask:
    """A new task that does once more what a finished one did. Raises NotFinished.

    A payload in a storage is read, and stored once more: each task has a file of its own, which goes when it goes.
    """
    again = repeated(resource, timezone.now())
    if (ref := again["spec"].get("payloadRef")) is None:
        return NewTask(codec.decode(again, alias=alias), again)
    try:
        overflow = read(TextRef.from_data(ref))
    except ValueError as error:
        name = resource["metadata"]["name"]
        raise InvalidResource(f"Task {name} cannot be repeated: its payloadRef is wrong: {error}.") from None
    spec = {field: value for field, value in again["spec"].items() if field != "payloadRef"}
    result = codec.decode(again | {"spec": spec | {"payload": overflow}}, alias=alias)
    return NewTask(result, again | {"spec": spec | codec.NO_PAYLOAD}, overflow)
