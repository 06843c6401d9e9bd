"""The DjangoTask of a step."""

from typing import Any

from djangotasks_api.names import (
    API_VERSION,
    ENQUEUED_BY_LABEL,
    QUEUE_LABEL,
    STEP_LABEL,
    TASK_KIND,
    WORKFLOW_KIND,
    WORKFLOW_LABEL,
    step_task_name,
)
from djangotasks_api.task_ids import order_labels
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.inputs import Arguments, StepItem, task_of
from djangotasks_api.workflow.plan import Plan, Spec
from djangotasks_api.workflow.records import Record


def task_name(plan: Plan, workflow: str, task: StepTask) -> str:
    """The name of a step's DjangoTask."""
    return step_task_name(workflow, task.step, task.number if plan.graph[task.step].is_map else None)


def source_name(plan: Plan, workflow: str, item: StepItem, record: Record) -> str:
    """The name of the DjangoTask that has a result of a step: of this workflow, or of one that it retries. `record`: of
    the step."""
    source = record.source(item.number)
    return task_name(plan, workflow if source is None else source.workflow, task_of(plan, item))


def task_manifest(plan: Plan, workflow: Spec, task: StepTask, arguments: Arguments, now: str) -> dict[str, Any]:
    """The DjangoTask of a step. `workflow`: the body of the resource. `now`: RFC 3339."""
    metadata, spec, step = workflow["metadata"], workflow["spec"], plan.steps[task.step]
    name, uid = metadata["name"], metadata["uid"]
    own_name = task_name(plan, name, task)
    part_of: dict[str, Any] = {"name": name, "uid": uid, "step": task.step}
    if plan.graph[task.step].is_map:
        part_of["index"] = task.number
    queue = step.get("queue") or spec.get("queue") or "default"
    priority = step.get("priority")
    own = {field: step[field] for field in ("policy", "overrides") if step.get(field) is not None}
    if spec.get("scheduledFor") is not None:
        own["scheduledFor"] = spec["scheduledFor"]
    if arguments.chunk is not None:
        own["chunk"] = arguments.chunk
    if arguments.left:
        own["inputs"] = list(arguments.left)
    labels = {QUEUE_LABEL: queue, WORKFLOW_LABEL: name, STEP_LABEL: task.step} | order_labels(own_name)
    if (enqueued_by := spec.get("enqueuedBy")) is not None:
        # Who may see the workflow may see its tasks.
        own["enqueuedBy"] = enqueued_by
        labels[ENQUEUED_BY_LABEL] = enqueued_by["name"]
    owner = {"apiVersion": API_VERSION, "kind": WORKFLOW_KIND, "name": name, "uid": uid, "controller": True}
    return {
        "apiVersion": API_VERSION,
        "kind": TASK_KIND,
        "metadata": {
            "name": own_name,
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner],
        },
        "spec": {
            "task": step["task"],
            "queue": queue,
            "backend": spec.get("backend") or "default",
            "priority": (spec.get("priority") or 0) if priority is None else priority,
            "enqueuedAt": now,
            "payload": arguments.payload,
            "workflow": part_of,
            **own,
        },
    }
