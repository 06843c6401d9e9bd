"""DjangoTask ↔ TaskResult. Pure: dictionaries in, values out; nothing here asks the cluster or the clock.

Resources are read leniently, because people write them by hand and newer operators add to them: an unknown phase or
reason, a missing status, arguments that are not JSON still give a TaskResult that says so.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.tasks import Task, TaskResultStatus
from django.tasks.base import TaskError
from django.utils.module_loading import import_string

from django_tasks_kubernetes import packing
from django_tasks_kubernetes.exceptions import InvalidPayload, InvalidResource
from django_tasks_kubernetes.kubernetes_task import options_of
from django_tasks_kubernetes.policy import to_spec
from django_tasks_kubernetes.reasons import exception_path
from django_tasks_kubernetes.results import KubernetesResult, Later, Progress
from django_tasks_kubernetes.task_types import AnyResult, AnyTask, changed
from django_tasks_kubernetes.times import from_wire, to_wire
from djangotasks_api.names import API_VERSION, QUEUE_LABEL, TASK_KIND
from djangotasks_api.phases import Phase
from djangotasks_api.stored import TextRef

Resource = dict[str, Any]
# Reads a file of a task. Raises StorageFailed.
type Read = Callable[[TextRef], str]

EMPTY: Final = '{"args":[],"kwargs":{}}'
# Beside a payloadRef, or before there is one. Said, so that the CRD's default is not taken for the arguments.
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


def encode(result: AnyResult, payload: Mapping[str, Any]) -> Resource:
    """The DjangoTask to create for a new result. `payload`: the fields of the spec that hold its arguments."""
    task = result.task
    assert result.enqueued_at is not None  # noqa: S101 - the backend has just set it
    spec: Resource = {
        "task": task.module_path,
        "queue": task.queue_name,
        "backend": result.backend,
        "priority": int(task.priority),
        "enqueuedAt": to_wire(result.enqueued_at),
        **payload,
    }
    if task.run_after is not None:
        spec["runAfter"] = to_wire(task.run_after)
    spec |= to_spec(options_of(task), result.enqueued_at)
    return {
        "apiVersion": API_VERSION,
        "kind": TASK_KIND,
        "metadata": {"name": result.id, "labels": {QUEUE_LABEL: task.queue_name}},
        "spec": spec,
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


def no_storage(ref: TextRef) -> str:
    raise InvalidResource(f"The file {ref.name} is in the storage {ref.storage!r}, which nothing here reads.")


def decode(resource: Resource, *, alias: str, read: Read = no_storage) -> AnyResult:
    """The TaskResult of a DjangoTask. `alias`: the backend's name in TASKS here.

    `read`: is called for arguments and return values that are in a storage, when somebody looks at them.
    Raises InvalidResource when its task does not import, or its result is not JSON.
    """
    spec, status = resource["spec"], resource.get("status") or {}
    attempts = status.get("attempts") or []
    started = [attempt for attempt in attempts if attempt.get("startedAt")]
    state = status_of(status)
    finished = state in (TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)
    name = resource["metadata"]["name"]
    args, kwargs = _arguments(spec, read)
    result = KubernetesResult(
        task=changed(
            _import_task(name, spec["task"]),
            priority=spec.get("priority", 0),
            queue_name=spec.get("queue", "default"),
            backend=alias,
            run_after=from_wire(spec.get("runAfter")),
        ),
        id=name,
        status=state,
        enqueued_at=from_wire(spec.get("enqueuedAt") or resource["metadata"].get("creationTimestamp")),
        started_at=from_wire(status.get("startedAt") or (started[0]["startedAt"] if started else None)),
        last_attempted_at=from_wire(started[-1]["startedAt"] if started else status.get("startedAt")),
        finished_at=from_wire(status.get("finishedAt")) if finished else None,
        args=args,
        kwargs=kwargs,
        backend=alias,
        errors=_errors(status, attempts, failed=state == TaskResultStatus.FAILED),
        worker_ids=[attempt["pod"] for attempt in started],
        progress=progress_of(status.get("progress")),
    )
    if state == TaskResultStatus.SUCCESSFUL:
        object.__setattr__(result, "_return_value", _result(name, status, read))
    return result


def decode_payload(text: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments from spec.payload. Raises InvalidPayload."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPayload(f"The payload is not JSON: {error}") from None
    match payload:
        case {"args": list(args), "kwargs": dict(kwargs), **rest} if not rest:
            return args, kwargs
        case _:
            raise InvalidPayload('The payload must be {"args": [...], "kwargs": {...}} and nothing else.')


def progress_of(found: Mapping[str, Any] | None) -> Progress | None:
    """From status.progress."""
    if not found or (updated_at := from_wire(found.get("updatedAt"))) is None:
        return None
    return Progress(
        done=found.get("done"), total=found.get("total"), message=found.get("message"), updated_at=updated_at
    )


def payload_text(payload: str, encoding: str | None) -> str:
    """Unpacked. Raises InvalidPayload."""
    return payload if encoding is None else packing.unpack(payload, encoding)


def _arguments(spec: Mapping[str, Any], read: Read) -> tuple[Any, Any]:
    """args and kwargs; those in a storage as a Later each, which share one reading."""
    try:
        if (ref := _payload_ref(spec)) is not None:
            both = Later(lambda: decode_payload(read(ref)))
            return Later(lambda: both.value[0]), Later(lambda: both.value[1])
        return decode_payload(payload_text(spec.get("payload", EMPTY), spec.get("payloadEncoding")))
    except InvalidPayload:
        return [], {}  # the failure of the task says it


def _result(name: str, status: Mapping[str, Any], read: Read) -> Any:
    if (data := status.get("resultRef")) is None:
        return _return_value(name, status.get("result"))
    try:
        ref = TextRef.from_data(data)
    except ValueError as error:
        raise InvalidResource(f"The result of task {name} is in a storage, and resultRef is wrong: {error}.") from None
    return Later(lambda: _return_value(name, read(ref)))


def _payload_ref(spec: Mapping[str, Any]) -> TextRef | None:
    try:
        return None if (data := spec.get("payloadRef")) is None else TextRef.from_data(data)
    except ValueError as error:
        raise InvalidPayload(f"payloadRef: {error}") from None


def _import_task(name: str, path: str) -> AnyTask:
    try:
        task = import_string(path)
    except ImportError as error:
        raise InvalidResource(
            f"Task result {name} is of {path}, which cannot be imported here: {error}. "
            "Keep the task's path until its results are gone, or delete the DjangoTask."
        ) from error
    if not isinstance(task, Task):
        raise InvalidResource(f"Task result {name} is of {path}, which is {type(task).__name__} here, not a task.")
    return task


def status_of(status: Mapping[str, Any]) -> TaskResultStatus:
    """Django's word for a resource's status."""
    phase = status.get("phase", Phase.QUEUED)
    if phase in STATUSES:
        return STATUSES[Phase(phase)]
    # A phase that only a newer operator knows. Its conditions and times still tell whether it is over.
    held = {condition.get("type") for condition in status.get("conditions") or () if condition.get("status") == "True"}
    if "Complete" in held:
        return TaskResultStatus.SUCCESSFUL
    if "Failed" in held:
        return TaskResultStatus.FAILED
    return TaskResultStatus.RUNNING if status.get("startedAt") else TaskResultStatus.READY


def _errors(status: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], *, failed: bool) -> list[TaskError]:
    """One TaskError for each attempt that failed, and one for the task where it failed for a reason of its own."""
    ended = [
        attempt for attempt in attempts if attempt.get("error") or (attempt.get("reason") and _over(attempt, failed))
    ]
    errors = [_error(attempt) for attempt in ended]
    last = ended[-1].get("reason") if ended else None
    if failed and (not errors or status.get("reason") not in (None, last)):
        errors.append(_error(status))
    return errors


def _over(attempt: Mapping[str, Any], failed: bool) -> bool:
    return failed or attempt.get("finishedAt") is not None


def _error(source: Mapping[str, Any]) -> TaskError:
    """From an attempt or, where no attempt was made, from the status."""
    if error := source.get("error"):
        return TaskError(exception_class_path=error["type"], traceback=error["traceback"])
    reason = source.get("reason") or source.get("phase") or Phase.FAILED
    parts = [reason, source.get("message")]
    if source.get("exitCode") is not None and not source.get("message"):
        parts[1] = f"exit code {source['exitCode']}"
    return TaskError(
        exception_class_path=exception_path("CancelRequested" if reason == Phase.CANCELLED else reason),
        traceback=": ".join(part for part in parts if part),
    )


def _return_value(name: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidResource(f"The result of task {name} is not JSON: {error}") from None
