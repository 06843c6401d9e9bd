"""A task that is to be created: its id, chosen before anything is sent, its result, and its resource."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.tasks import TaskResultStatus
from django.utils import timezone

from django_tasks_kubernetes import codec, json_text
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.exceptions import NotFinished, PayloadTooLarge
from django_tasks_kubernetes.kubernetes_task import options_of
from django_tasks_kubernetes.results import KubernetesResult
from django_tasks_kubernetes.task_types import AnyResult, AnyTask
from django_tasks_kubernetes.times import to_wire
from djangotasks_api.names import GROUP, PAYLOAD_MAX_BYTES
from djangotasks_api.phases import TERMINAL_PHASES

KEYS: Final = uuid.uuid5(uuid.NAMESPACE_DNS, GROUP)
# What the repetition of a task has not in common with it: it is asked for now, by nobody's key, and not cancelled.
NOT_REPEATED: Final = {"cancel", "cancelReason", "runAfter", "expiresAt", "idempotencyKey"}


@dataclass(frozen=True, slots=True)
class NewTask:
    result: AnyResult
    resource: Resource

    @property
    def name(self) -> str:
        return self.result.id


def id_for(task_path: str, key: str) -> str:
    """The same for the same task and key, so that the API server refuses a second one."""
    return str(uuid.uuid5(KEYS, f"{task_path} {key}"))


def new_task(task: AnyTask, args: Sequence[Any], kwargs: Mapping[str, Any], backend: str) -> NewTask:
    """Raises TypeError or ValueError for arguments that are not JSON, and PayloadTooLarge."""
    payload = f'{{"args":{json_text.dumps(args, name="args")},"kwargs":{json_text.dumps(kwargs, name="kwargs")}}}'
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise PayloadTooLarge(
            f"The arguments of {task.module_path} take {len(payload):,} bytes as JSON. {PAYLOAD_MAX_BYTES:,} are "
            "allowed. Store the data, and pass its primary key or file name."
        )
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
    return NewTask(result, codec.encode(result, payload))


def repetition(resource: Resource, alias: str) -> NewTask:
    """A new task that does once more what a finished one did. Raises NotFinished."""
    name, phase = resource["metadata"]["name"], (resource.get("status") or {}).get("phase")
    if phase not in TERMINAL_PHASES:
        raise NotFinished(f"Task {name} is not finished. Wait for its end, or cancel it first.")
    kept = {field: value for field, value in resource["spec"].items() if field not in NOT_REPEATED}
    repeated: Resource = {
        "apiVersion": resource["apiVersion"],
        "kind": resource["kind"],
        "metadata": {"name": str(uuid.uuid4()), "labels": resource["metadata"].get("labels", {})},
        "spec": kept | {"enqueuedAt": to_wire(timezone.now()), "retryOf": name},
    }
    return NewTask(codec.decode(repeated, alias=alias), repeated)
