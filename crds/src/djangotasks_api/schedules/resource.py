"""The task or the workflow that a schedule creates for one of its times. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from djangotasks_api.names import (
    API_VERSION,
    QUEUE_LABEL,
    SCHEDULE_LABEL,
    TASK_KIND,
    WORKFLOW_KIND,
    scheduled_task_name,
)
from djangotasks_api.schedules.plan import wire_time
from djangotasks_api.task_ids import order_labels


def is_run(found: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    """Whether what has the name of a time is its run, or something else that was given its name. With other arguments,
    as before an edit, it still is. `found`, `made`: its spec, and that of the resource which scheduled() makes."""
    same = ("schedule", "task", "workflow")
    return found.get("runAfter") is None and all(found.get(field) == made.get(field) for field in same)


def scheduled(
    schedule: str,
    spec: Mapping[str, Any],
    scheduled_for: datetime,
    now: datetime,
    *,
    name: str | None = None,
    due_at: datetime | None = None,
) -> dict[str, Any]:
    """Makes the resource to create. `schedule`, `spec`: of the DjangoTaskSchedule.

    `name`: by default that of the time, so that there can be only one. `due_at`: when it was to be created, from which
    on the startingDeadlineSeconds count; a task that is asked for has no such deadline.
    """
    name = scheduled_task_name(schedule, scheduled_for) if name is None else name
    is_workflow = spec.get("workflow") is not None
    template = {
        field: value for field, value in spec["workflow" if is_workflow else "task"].items() if value is not None
    }
    queue = template.get("queue", "default")
    made = template | {"enqueuedAt": wire_time(now), "schedule": schedule, "scheduledFor": wire_time(scheduled_for)}
    deadline = spec.get("startingDeadlineSeconds")
    if due_at is not None and deadline is not None and not is_workflow:
        made["expiresAt"] = wire_time(due_at + timedelta(seconds=deadline))
    return {
        "apiVersion": API_VERSION,
        "kind": WORKFLOW_KIND if is_workflow else TASK_KIND,
        "metadata": {
            "name": name,
            "labels": {QUEUE_LABEL: queue, SCHEDULE_LABEL: schedule} | order_labels(name),
        },
        "spec": made,
    }
