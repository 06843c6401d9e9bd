"""DjangoTask → TaskResult. Pure, but for the import of the task by its path.

Resources are read leniently, because people write them by hand and newer operators add to them: an unknown phase or
reason, a missing status, arguments that are not JSON still give a TaskResult that says so.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from django.tasks import Task, TaskResultStatus
from django.tasks.base import TaskError

from django_tasks_kubernetes.codec.find import find
from django_tasks_kubernetes.codec.reasons import exception_path
from django_tasks_kubernetes.codec.resource import EMPTY, Resource, decode_payload, payload_text, status_of
from django_tasks_kubernetes.codec.task_error import KubernetesTaskError
from django_tasks_kubernetes.codec.times import from_wire
from django_tasks_kubernetes.exceptions import InvalidPayload, InvalidResource
from django_tasks_kubernetes.lazy import LazyValue
from django_tasks_kubernetes.result import AttemptUsage, EnqueuedBy, KubernetesResult, Progress
from django_tasks_kubernetes.task import AnyTask, replace_unvalidated
from djangotasks_api.phases import Phase
from djangotasks_api.stored import TextRef

if TYPE_CHECKING:
    from django_tasks_kubernetes.chunk import Chunk

type Read = Callable[[TextRef], str]
type Fill = Callable[[Resource], str]
NOTHING: Final[Mapping[str, Any]] = {}


def no_storage(ref: TextRef) -> str:
    raise InvalidResource(f"The file {ref.name} is in the storage {ref.storage!r}, which nothing here reads.")


def no_results(resource: Resource) -> str:
    name = resource["metadata"]["name"]
    raise InvalidResource(f"The arguments of task {name} are results of other tasks, which nothing here reads.")


def decode(resource: Resource, *, alias: str, read: Read = no_storage, fill: Fill = no_results) -> KubernetesResult:
    """The TaskResult of a DjangoTask. `alias`: the backend's name in TASKS here.

    `read`: is called for arguments and return values that are in a storage, when somebody looks at them. `fill`: for
    the payload of a task whose inputs are not in it.
    Raises InvalidResource when its task does not import, or its result is not JSON.
    """
    try:
        return _decoded(resource, alias, read, fill)
    except (ValueError, OverflowError, RecursionError) as error:
        # Such as a time that the API server takes, and Python has not; or arguments that Django goes through, and that
        # are nested deeper than it can.
        raise InvalidResource(f"Task result {resource['metadata']['name']} cannot be shown: {error}.") from error


def _decoded(resource: Resource, alias: str, read: Read, fill: Fill) -> KubernetesResult:
    spec, status = resource["spec"], resource.get("status") or {}
    attempts = status.get("attempts") or []
    started = [attempt for attempt in attempts if attempt.get("startedAt")]
    state = status_of(status)
    finished = state in (TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)
    name = resource["metadata"]["name"]
    args, kwargs = _arguments(resource, read, fill)
    result = KubernetesResult(
        task=replace_unvalidated(
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
        usage=usage_of(attempts),
        enqueued_by=enqueued_by_of(spec),
        schedule=spec.get("schedule"),
        scheduled_for=from_wire(spec.get("scheduledFor")),
        reason=status.get("reason"),
        message=status.get("message"),
        chunk=chunk_of(spec, status, read) if spec.get("chunk") else None,
    )
    if state == TaskResultStatus.SUCCESSFUL:
        object.__setattr__(result, "_return_value", _result(name, status, read))
    return result


def chunk_of(spec: Mapping[str, Any], status: Mapping[str, Any] = NOTHING, read: Read = no_storage) -> "Chunk":
    """The items of a task that is a chunk. Raises ValueError where somebody else has written its status."""
    from django_tasks_kubernetes.chunk import Chunk

    found, text = spec["chunk"], status.get("result")
    if text is None and status.get("resultRef") is not None:
        ref = TextRef.from_data(status["resultRef"])
        text = LazyValue(lambda: read(ref))
    return Chunk.of(found["size"], found.get("only"), status.get("items"), text)


def progress_of(found: Mapping[str, Any] | None) -> Progress | None:
    """From status.progress."""
    if not found or (updated_at := from_wire(found.get("updatedAt"))) is None:
        return None
    return Progress(
        done=found.get("done"), total=found.get("total"), message=found.get("message"), updated_at=updated_at
    )


def usage_of(attempts: Sequence[Mapping[str, Any]]) -> tuple[AttemptUsage, ...]:
    """From status.attempts."""
    return tuple(
        AttemptUsage(
            attempt=attempt["number"],
            memory_bytes=used.get("memoryBytes"),
            memory_limit_bytes=used.get("memoryLimitBytes"),
            cpu_seconds=used.get("cpuSeconds"),
        )
        for attempt in attempts
        if (used := attempt.get("usage"))
    )


def enqueued_by_of(spec: Mapping[str, Any]) -> EnqueuedBy | None:
    """Of a task or a workflow."""
    found = spec.get("enqueuedBy")
    return EnqueuedBy(id=found["name"], attempt=found["attempt"]) if found else None


def _arguments(resource: Resource, read: Read, fill: Fill) -> tuple[Any, Any]:
    """args and kwargs; those that are elsewhere as a LazyValue each, which share one reading."""
    spec = resource["spec"]
    try:
        if (ref := _payload_ref(spec)) is not None:
            return _lazy(lambda: read(ref), "in a storage")
        if spec.get("inputs"):
            return _lazy(lambda: fill(resource), "results of other tasks")
        return decode_payload(payload_text(spec.get("payload", EMPTY), spec.get("payloadEncoding")))
    except InvalidPayload:
        return [], {}  # the task fails with this error


def _lazy(read: Callable[[], str], where: str) -> tuple[LazyValue, LazyValue]:
    both = LazyValue(lambda: decode_payload(read()))
    return LazyValue(lambda: both.value[0], where), LazyValue(lambda: both.value[1], where)


def _result(name: str, status: Mapping[str, Any], read: Read) -> Any:
    if (data := status.get("resultRef")) is None:
        return _return_value(name, status.get("result"))
    try:
        ref = TextRef.from_data(data)
    except ValueError as error:
        raise InvalidResource(f"The result of task {name} is in a storage, and resultRef is wrong: {error}.") from None
    return LazyValue(lambda: _return_value(name, read(ref)))


def _payload_ref(spec: Mapping[str, Any]) -> TextRef | None:
    try:
        return None if (data := spec.get("payloadRef")) is None else TextRef.from_data(data)
    except ValueError as error:
        raise InvalidPayload(f"payloadRef: {error}") from None


def _import_task(name: str, path: str) -> AnyTask:
    try:
        task = find(path)
    except ImportError as error:
        raise InvalidResource(
            f"Task result {name} is of {path}, which cannot be imported here: {error}. "
            "Keep the task's path until its results are gone, or delete the DjangoTask."
        ) from error
    if not isinstance(task, Task):
        raise InvalidResource(f"Task result {name} is of {path}, which is {type(task).__name__} here, not a task.")
    return task


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
        return KubernetesTaskError(
            exception_class_path=error["type"], traceback=error["traceback"], message=source.get("message")
        )
    reason = source.get("reason") or source.get("phase") or Phase.FAILED
    parts = [reason, source.get("message")]
    if source.get("exitCode") is not None and not source.get("message"):
        parts[1] = f"exit code {source['exitCode']}"
    words = ": ".join(part for part in parts if part)
    path = exception_path("CancelRequested" if reason == Phase.CANCELLED else reason)
    return KubernetesTaskError(exception_class_path=path, traceback=words, message=words)


def _return_value(name: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidResource(f"The result of task {name} is not JSON: {error}") from None
