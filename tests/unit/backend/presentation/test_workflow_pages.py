"""The page of a workflow, and its object for programs."""

import json
from datetime import UTC, datetime

from django_tasks_kubernetes.presentation.workflow_pages import workflow_facts, workflow_record
from tests.unit.backend.workflow_resources import FAILED, workflow_resource

NOW = datetime(2026, 11, 23, 12, 1, 0, tzinfo=UTC)
FIELDS = [
    "id", "namespace", "workflow", "queue", "backend", "status", "phase", "reason", "message", "priority", "progress",
    "active", "enqueued_at", "started_at", "finished_at", "retry_of", "enqueued_by", "schedule", "scheduled_for", "suspended", "cancel",
]  # fmt: skip


def test_the_facts() -> None:
    found = workflow_resource(
        status=FAILED | {"reason": "DeadlineExceeded", "message": "too \x1blong"},
        retryOf={"name": "before", "uid": "u"},
        policy={"timeoutSeconds": 30},
        maxParallel=4,
        cancel=True,
        cancelReason="asked",
    )
    facts = dict(workflow_facts(found, NOW))
    assert facts == {
        "ID": "flow",
        "Namespace": "shop",
        "Workflow": "shop.flows.report",
        "Queue": "mail",
        "Phase": "Failed",
        "Reason": "DeadlineExceeded",
        "Message": "too \\x1blong",
        "Progress": "14/14",
        "At most at once": "4",
        "Timeout": "30 s",
        "Retry of": "before",
        "Enqueued": "2026-11-23 12:00:00 UTC (60s ago)",
        "Started": "2026-11-23 12:00:01 UTC (59s ago)",
        "Finished": "2026-11-23 12:00:31 UTC (29s ago)",
        "Took": "30s",
        "Cancel": "requested: asked",
    }


def test_what_failed_is_said_once() -> None:
    assert "Message" not in dict(workflow_facts(workflow_resource(status=FAILED), NOW))


def test_the_object_has_stable_fields() -> None:
    record = workflow_record(workflow_resource(status=FAILED), whole=True)
    assert list(record) == [*FIELDS, "steps"]
    assert record["progress"] == {"done": 14, "total": 14}
    assert [step["name"] for step in record["steps"]] == ["extract", "render", "publish", "alert", "clean-up"]
    bare = workflow_record({"metadata": {"name": "bare"}, "spec": {"steps": []}})
    assert (list(bare), bare["phase"], bare["status"], bare["progress"]) == (FIELDS, "Pending", "READY", None)
    json.dumps([record, bare])


def test_the_time_of_its_schedule_is_shown_as_other_times_are() -> None:
    found = workflow_resource(schedule="nightly", scheduledFor="2026-11-23T12:00:00Z")
    facts = dict(workflow_facts(found, NOW))
    assert (facts["Schedule"], facts["Scheduled for"]) == ("nightly", "2026-11-23 12:00:00 UTC (60s ago)")
