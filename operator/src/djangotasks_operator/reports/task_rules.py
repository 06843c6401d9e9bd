"""What a task's pod may do with tasks and workflows, and what becomes of those that it asks for. Pure.

A pod is believed nothing but the spec of what is new, within what a web app may say there. Who enqueues it, and
where, the token says.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from djangotasks_api import refusals
from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_api.names import (
    API_VERSION,
    ENQUEUED_BY_LABEL,
    QUEUE_LABEL,
    REQUEST_ANNOTATION,
    TASK_KIND,
    WORKFLOW_KIND,
)
from djangotasks_api.phases import Phase
from djangotasks_api.refusals import Refusal
from djangotasks_api.stored import TextRef
from djangotasks_api.task_ids import id_for, is_new_id, order_labels
from djangotasks_api.workflow.bounds import NESTING
from djangotasks_api.workflow.plan import key_scope
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.reports.authentication import LABEL, AttemptRef
from djangotasks_operator.runtime.resources import Object
from djangotasks_operator.status.attempts import current_number, stops_attempt
from djangotasks_operator.workflows.views import Workflow

REQUEST_MARK_MAX_CHARS = 64
DEFAULT_QUEUE = "default"
# What makes a task a part of a workflow, and lets its pod read results of other tasks.
OPERATORS_FIELDS = ("workflow", "inputs")
# For how long after its outcome an attempt may enqueue. Its process ends some seconds after the receivers.
FINISHING_TIME = timedelta(seconds=30)


class Refused(Exception):
    """The pod is not to have it. Nothing was changed."""

    def __init__(self, status: int, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def has_ended(task: DjangoTask | None, attempt: AttemptRef) -> bool:
    """Whether the attempt is none that runs and may go on."""
    if task is None or task.metadata.uid != attempt.uid or task.metadata.deletion_timestamp is not None:
        return True
    return stops_attempt(task.status) or current_number(task.status) != attempt.number


def is_finishing(task: DjangoTask | None, pod: Pod | None, attempt: AttemptRef, now: datetime) -> bool:
    """Whether the attempt's outcome was stored a moment ago, and its process still runs: then receivers of
    task_finished are called, and may enqueue."""
    if task is None or task.metadata.uid != attempt.uid or task.metadata.deletion_timestamp is not None:
        return False
    last = task.status.attempts[-1] if task.status.attempts else None
    if last is None or last.number != attempt.number or task.status.phase is Phase.CANCELLED:
        return False
    ended_at = last.recorded_at or last.finished_at
    if ended_at is None or now > ended_at + FINISHING_TIME or pod is None or pod.task_uid != attempt.uid:
        return False
    return pod.terminated is None and pod.deletes_by is None and pod.phase not in ("Succeeded", "Failed")


def ended(attempt: AttemptRef) -> Refused:
    return Refused(403, Refusal.ATTEMPT_ENDED, refusals.attempt_ended(attempt.task.name, attempt.number))


def sees_all(queue: DjangoTaskQueue | None, name: str) -> bool:
    """Whether tasks of the queue may see and cancel all tasks of the namespace, and not their own alone. Raises Refused
    where they may do nothing. A queue that is gone may have said so."""
    access = "None" if queue is None else queue.spec.task_access
    if access == "None":
        why = refusals.no_access(name, "is gone") if queue is None else refusals.no_access(name)
        raise Refused(403, Refusal.TASK_ACCESS, why)
    return access == "Namespace"


def is_own(body: Mapping[str, Any], attempt: AttemptRef) -> bool:
    """Whether a resource is the attempt's own task, or was enqueued by it."""
    enqueued_by = body["spec"].get("enqueuedBy") or {}
    return attempt.uid in (body["metadata"]["uid"], enqueued_by.get("uid"))


def not_own(name: str, queue: str, what: str) -> Refused:
    return Refused(403, Refusal.TASK_ACCESS, refusals.not_own(name, queue, what))


def has_key_of(found: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether both are of the same task or workflow, with the same idempotency key: enqueue() then means the one that
    is there."""
    mine, theirs = sent["spec"], found["spec"]
    same = ("idempotencyKey", "task", "workflow")
    return "idempotencyKey" in mine and all(mine.get(field) == theirs.get(field) for field in same)


def parse_body(body: bytes) -> Any:
    """Parse the JSON of a request. Raises Refused."""
    try:
        parsed = json.loads(body)
        # A surrogate without its pair is JSON, and no text: names and digests could not be made of it.
        json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(422, Refusal.INVALID, "The body is not JSON.") from None
    return parsed


def new_task(body: Any, attempt: AttemptRef) -> Object:
    """Make the DjangoTask to create of the one that a pod has sent. Raises Refused."""
    match body:
        case {"metadata": {"name": str(name)}, "spec": {"task": str(path), **rest}}:
            pass
        case _:
            raise _invalid("it has no name or no task.")
    if taken := [field for field in OPERATORS_FIELDS if field in rest]:
        raise _invalid(f"spec.{taken[0]} is set by the operator alone.")
    _check_payload_ref(rest.get("payloadRef"), attempt, name)
    if rest.get("retryOf") is not None:
        # The copy of what a schedule has created is the pod's own task.
        body = {**body, "spec": {field: value for field, value in body["spec"].items() if field != "schedule"}}
    return _new(TASK_KIND, path, body, attempt)


def new_workflow(body: Any, attempt: AttemptRef) -> Object:
    """Make the DjangoTaskWorkflow to create of the one that a pod has sent. Raises Refused."""
    match body:
        case {"metadata": {"name": str()}, "spec": {"steps": [*steps], **rest}} if all(
            isinstance(step, dict) for step in steps
        ):
            pass
        case _:
            raise _invalid("it has no name or no steps.")
    path = rest.get("workflow", "")
    if not isinstance(path, str):
        raise _invalid("spec.workflow must be the path of a function.")
    if rest.get("returnedBy") not in (None, {"name": attempt.task.name}):
        raise _invalid("spec.returnedBy may name the pod's own task, and no other.")
    return _new(WORKFLOW_KIND, key_scope(body["spec"]), body, attempt)


def is_returned(new: Object) -> bool:
    """Whether a new workflow is what its task returns."""
    return new["spec"].get("returnedBy") is not None


def returned(new: Object, caller: DjangoTask, queue: DjangoTaskQueue | None, part_of: Workflow | None) -> Object:
    """A new workflow whose result is to be that of its task, `caller`. `part_of`: the workflow that the task is a part
    of. Raises Refused."""
    if queue is None or queue.spec.returned_workflows != "Allowed":
        raise Refused(403, Refusal.TASK_ACCESS, refusals.not_returnable(caller.spec.queue))
    if caller.spec.workflow is not None and part_of is None:
        raise _invalid("the workflow of its task is gone.")
    depth = 1 + (0 if part_of is None else part_of.depth)
    if depth not in NESTING:
        raise Refused(422, Refusal.INVALID, refusals.too_deep(NESTING.most))
    name, uid = caller.metadata.name, caller.metadata.uid
    # It goes with its task.
    owner = {"apiVersion": API_VERSION, "kind": TASK_KIND, "name": name, "uid": uid, "controller": True}
    metadata = {**new["metadata"], "ownerReferences": [owner]}
    spec = {**new["spec"], "returnedBy": {"name": name, "uid": uid, "depth": depth}}
    return {**new, "metadata": metadata, "spec": spec}


def task_queues(new: Object) -> set[str]:
    """The queue of a new task."""
    return {new["spec"].get("queue") or DEFAULT_QUEUE}


def workflow_queues(new: Object) -> set[str]:
    """The queues of the steps of a new workflow. Raises Refused."""
    default = new["spec"].get("queue") or DEFAULT_QUEUE
    queues = [step.get("queue") or default for step in new["spec"]["steps"]]
    if not all(isinstance(queue, str) for queue in queues):
        raise _invalid("the queue of a step must be the name of a queue.")
    return set(queues)


def retried_workflow(new: Object) -> str | None:
    """The name of the workflow whose results a new one takes over. Raises Refused."""
    match new["spec"].get("retryOf"):
        case None:
            return None
        case {"name": str(name)} if re.fullmatch(LABEL, name):
            return name
        case _:
            raise _invalid("spec.retryOf must name a workflow.")


def _new(kind: str, path: str, body: Object, attempt: AttemptRef) -> Object:
    """`path`: of what its idempotency key belongs to, such as a function."""
    metadata, spec = body["metadata"], body["spec"]
    name = metadata["name"]
    if spec.get("schedule") is not None:
        # The schedule would wait for it, or have it cancelled.
        raise _invalid("what is of a schedule is created by the operator, or by the web app.")
    if (body.get("apiVersion"), body.get("kind")) != (API_VERSION, kind):
        raise _invalid(f"it is no {kind} of {API_VERSION}.")
    queue, key = spec.get("queue", DEFAULT_QUEUE), spec.get("idempotencyKey")
    if not isinstance(queue, str):
        raise _invalid("spec.queue must be the name of a queue.")
    # Other names belong to others: a schedule's slot, a workflow's step, a key.
    if not (is_new_id(name) if key is None else isinstance(key, str) and name == id_for(path, key)):
        raise _invalid("metadata.name must be a new id, or that of the function and its idempotencyKey.")
    mark = _mark(metadata.get("annotations"))
    annotations = {} if mark is None else {REQUEST_ANNOTATION: mark}
    enqueued_by = {"name": attempt.task.name, "uid": attempt.uid, "attempt": attempt.number}
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": {QUEUE_LABEL: queue, ENQUEUED_BY_LABEL: attempt.task.name} | order_labels(name),
            "annotations": annotations,
        },
        "spec": {**spec, "enqueuedBy": enqueued_by},
    }


def deadlock_warning(queue: DjangoTaskQueue, running: int, waiting: int) -> str:
    """For a task that waits for others of its own queue, whose concurrency is limited."""
    return (
        f"This task waits for a task of its own queue '{queue.metadata.name}', and holds one of the "
        f"{queue.spec.concurrency} places that its concurrency allows: {running} are taken, and {waiting} tasks wait. "
        "If tasks that wait hold all of them, none can ever go on. Enqueue in another queue what you wait for."
    )


def no_queue(name: str, namespace: str) -> Refused:
    message = (
        f"The namespace {namespace!r} has no DjangoTaskQueue {name!r}: the task would wait for it. Create it first."
    )
    return Refused(422, Refusal.QUEUE_NOT_FOUND, message)


def cancellation(body: Any) -> Object:
    """The patch that cancels something, of the one that a pod has sent. Raises Refused where it is another."""
    match body:
        case {"spec": {"cancel": True, "cancelReason": str(reason), **more}, **others} if not more and not others:
            return {"spec": {"cancel": True, "cancelReason": reason}}
        case _:
            raise _invalid("of what exists, spec.cancel may be set to true, with a cancelReason, and no more.")


def _mark(annotations: Any) -> str | None:
    """What tells this request from others for the same name."""
    mark = annotations.get(REQUEST_ANNOTATION) if isinstance(annotations, dict) else None
    return mark if isinstance(mark, str) and len(mark) <= REQUEST_MARK_MAX_CHARS else None


def _check_payload_ref(data: Any, attempt: AttemptRef, name: str) -> None:
    if data is None:
        return
    try:
        ref = TextRef.from_data(data)
    except ValueError as error:
        raise _invalid(f"payloadRef: {error}.") from None
    if not ref.belongs_to(attempt.task.namespace, name):
        raise _invalid("payloadRef must name a file of this task.")


def _invalid(problem: str) -> Refused:
    return Refused(422, Refusal.INVALID, f"A task's pod may not ask for this: {problem}")
