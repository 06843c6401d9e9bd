"""Parse tasks and queues into what the cache keeps of them."""

import logging
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, TaskSpec, TaskStatus
from djangotasks_api.models.base import Metadata
from djangotasks_api.models.task_status import Condition
from djangotasks_api.names import RESTORED_LABELS
from djangotasks_operator.pods.views import Body

logger = logging.getLogger(__name__)

# The status that tasks have until they start. One object for all of them saves 0.7 KB of 4.7 a task.
UNTOUCHED = TaskStatus()
UNTOUCHED_FIELDS = UNTOUCHED.model_dump(mode="json", by_alias=True)
# Others are a newer operator's, before a rollback.
CONDITION_TYPES = frozenset(get_args(Condition.model_fields["type"].annotation))
# The API server's own bound for names of field managers.
MANAGER_MAX_CHARS = 128


class ParsedTask(NamedTuple):
    """A task as the cache keeps it: without payload, inputs, result, errors of items, log text and most labels, which
    may be large and decide nothing."""

    task: DjangoTask
    invalid: str | None = None
    """What is wrong with the spec, where the CRD's schema let through what the model rejects."""


def parse_task(body: Body) -> ParsedTask:
    labels = body["metadata"].get("labels") or {}
    metadata_fields = body["metadata"] | {"labels": {k: labels[k] for k in RESTORED_LABELS if k in labels} or None}
    spec = {k: v for k, v in body["spec"].items() if k not in ("payload", "inputs")}
    if spec.get("cancel") and not spec.get("cancelReason") and (manager := _canceller(body["metadata"])):
        spec["cancelReason"] = f"set by {manager}"
    status: Any = {k: v for k, v in (body.get("status") or {}).items() if k != "result"}
    if items := status.get("items"):
        status["items"] = {k: v for k, v in items.items() if k != "errors"}
    if conditions := status.get("conditions"):
        status["conditions"] = [found for found in conditions if found.get("type") in CONDITION_TYPES]
    if tail := status.get("logTail"):
        status["logTail"] = tail | {"text": ""}
    if all(UNTOUCHED_FIELDS.get(name) == value for name, value in status.items()):
        status = UNTOUCHED
    try:
        return ParsedTask(DjangoTask.model_validate({"metadata": metadata_fields, "spec": spec, "status": status}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        invalid = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    metadata = Metadata.model_validate(metadata_fields)
    try:
        parsed = TaskStatus.model_validate(status)
    except ValidationError:
        parsed = TaskStatus()
    return ParsedTask(DjangoTask(metadata=metadata, spec=TaskSpec(task="invalid.invalid"), status=parsed), invalid)


def is_readable(status: Body) -> bool:
    """Whether a stored status of a task is one that the model takes."""
    try:
        TaskStatus.model_validate(status)
    except ValidationError:
        return False
    return True


def parse_queue(body: Body) -> DjangoTaskQueue | None:
    """Parse a queue. One that the model rejects counts as missing: its tasks wait, and the log says why. What a newer
    operator wrote into its status, before a rollback, is no reason: the status is replaced."""
    try:
        return DjangoTaskQueue.model_validate(body)
    except ValidationError as error:
        if all(each["loc"][0] == "status" for each in error.errors(include_url=False, include_input=False)):
            return DjangoTaskQueue.model_validate({**body, "status": {}})
        metadata, first = body["metadata"], error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        logger.warning(
            "queue %s/%s cannot be read: %s: %s", metadata["namespace"], metadata["name"], field, first["msg"]
        )
        return None


def without_results(task: DjangoTask) -> DjangoTask:
    """Drop tracebacks and result of a finished task: it is cached for its TTL alone."""
    if not task.status.phase.is_terminal:
        return task
    attempts = [attempt.model_copy(update={"error": None}) for attempt in task.status.attempts]
    return task.model_copy(
        update={"status": task.status.model_copy(update={"attempts": attempts, "result": None, "result_ref": None})}
    )


def _canceller(metadata: Body) -> str | None:
    """The program that set spec.cancel, such as kubectl-patch: the API server records who manages which field."""
    for entry in metadata.get("managedFields") or ():
        # Everyone who may create tasks may write these as well, and the API server does not check them.
        match entry:
            case {"fieldsV1": {"f:spec": {"f:cancel": _}}, "manager": str(manager)}:
                return manager[:MANAGER_MAX_CHARS] or None
            case _:
                pass
    return None
