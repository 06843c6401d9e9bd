"""All of one workflow, for people and for programs. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.pages import time_of
from django_tasks_kubernetes.presentation.text import age, moment, safe
from django_tasks_kubernetes.presentation.workflow_rows import workflow_row, workflow_status
from django_tasks_kubernetes.presentation.workflow_tree import step_record, tree
from djangotasks_api.workflow.records import WorkflowPhase, WorkflowReason


def workflow_facts(resource: Resource, now: datetime) -> Iterator[tuple[str, str]]:
    """The lines at the top of the page: label and text."""
    spec, status, shown = resource["spec"], resource.get("status") or {}, workflow_row(resource, now)
    policy = spec.get("policy") or {}
    yield "ID", shown.id
    yield "Namespace", shown.namespace
    if shown.workflow:
        yield "Workflow", shown.workflow
    yield "Queue", shown.queue
    yield "Phase", shown.phase
    for label, value in (
        ("Reason", status.get("reason")),
        # Of steps that failed, more is said below.
        ("Message", None if status.get("reason") == WorkflowReason.STEP_FAILED else status.get("message")),
        ("Progress", shown.progress),
        ("Active", status.get("active")),
        ("Priority", spec.get("priority")),
        ("At most at once", spec.get("maxParallel")),
        ("Timeout", f"{policy['timeoutSeconds']} s" if policy.get("timeoutSeconds") else None),
        ("Retry of", shown.retry_of),
        ("Enqueued by", (spec.get("enqueuedBy") or {}).get("name")),
        ("Schedule", shown.schedule),
        ("Idempotency key", spec.get("idempotencyKey")),
    ):
        if value:
            yield label, safe(str(value), lines=True)
    for label, text in workflow_times(resource):
        yield label, time_of(text, now)
    if took := age(moment(status.get("startedAt")), moment(status.get("finishedAt"))):
        yield "Took", took
    if spec.get("suspended"):
        yield "Suspended", "no more tasks are created"
    if spec.get("cancel"):
        yield "Cancel", safe(f"requested: {spec['cancelReason']}" if spec.get("cancelReason") else "requested")


def workflow_times(resource: Resource) -> Iterator[tuple[str, str]]:
    """Which of these lines are times: label and RFC 3339."""
    spec, status = resource["spec"], resource.get("status") or {}
    for label, text in (
        ("Enqueued", spec.get("enqueuedAt") or resource["metadata"].get("creationTimestamp")),
        ("Scheduled for", spec.get("scheduledFor")),
        ("Started", status.get("startedAt")),
        ("Finished", status.get("finishedAt")),
    ):
        if text:
            yield label, text


def workflow_record(resource: Resource, *, whole: bool = False) -> dict[str, Any]:
    """The workflow as JSON values, under the names of WorkflowResult where it has them. Times are RFC 3339; unknown
    values are None. `whole`: with its steps."""
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status") or {}
    shown = workflow_row(resource)
    found: dict[str, Any] = {
        "id": metadata["name"],
        "namespace": metadata.get("namespace", ""),
        "workflow": spec.get("workflow") or "",
        "queue": spec.get("queue", "default"),
        "backend": spec.get("backend", "default"),
        "status": str(workflow_status(status)),
        "phase": status.get("phase") or WorkflowPhase.PENDING,
        "reason": status.get("reason"),
        "message": status.get("message"),
        "priority": spec.get("priority", 0),
        "progress": None if shown.done is None else {"done": shown.done, "total": shown.total},
        "active": status.get("active", 0),
        "enqueued_at": spec.get("enqueuedAt") or metadata.get("creationTimestamp"),
        "started_at": status.get("startedAt"),
        "finished_at": status.get("finishedAt"),
        "retry_of": (spec.get("retryOf") or {}).get("name"),
        "enqueued_by": (spec.get("enqueuedBy") or {}).get("name"),
        "schedule": spec.get("schedule"),
        "scheduled_for": spec.get("scheduledFor"),
        "suspended": bool(spec.get("suspended")),
        "cancel": bool(spec.get("cancel")),
    }
    return found | {"steps": [step_record(step) for step in tree(resource)]} if whole else found
