"""What the cache keeps of a task."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.cache.parsing import parse_queue, parse_task
from tests.support.builders import NAMESPACE


def body(spec: dict[str, Any], status: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": "receipt", "namespace": NAMESPACE, "uid": "u", "resourceVersion": "1"},
        "spec": {"task": "shop.tasks.send_receipt"} | spec,
        "status": {"phase": "Queued"} if status is None else status,
    }


def test_payload_and_result_are_not_kept() -> None:
    inputs = [{"into": "/args/0", "step": "extract"}]
    spec = {"payload": "x" * 1000, "inputs": inputs}
    task, invalid = parse_task(body(spec, {"phase": "Succeeded", "result": "y" * 1000, "resultLength": 7}))
    assert invalid is None
    assert "xxx" not in task.model_dump_json()
    assert "extract" not in task.model_dump_json()
    assert task.status.result_length == 7
    assert task.status.result is None


def test_the_text_of_a_kept_log_is_not_kept_here_too() -> None:
    """Only whose it is, which says what is still to be read."""
    task, _ = parse_task(body({}, {"phase": "Failed", "logTail": {"attempt": 2, "text": "z" * 1000}}))
    assert task.status.log_tail is not None
    assert (task.status.log_tail.attempt, task.status.log_tail.text) == (2, "")


def test_errors_of_items_are_not_kept() -> None:
    items = {"completed": "0-3", "failed": "4", "errors": [{"item": 4, "type": "a.B", "message": "z" * 100}]}
    task, invalid = parse_task(body({"chunk": {"size": 5}}, {"phase": "Failed", "items": items}))
    assert (invalid, task.spec.chunk and task.spec.chunk.size) == (None, 5)
    assert task.status.items is not None
    assert (task.status.items.completed, task.status.items.failed, task.status.items.errors) == ("0-3", "4", [])


def test_a_spec_that_cannot_be_read_is_named() -> None:
    task, invalid = parse_task(body({"runAfter": "2026-11-23T04:00:00"}))
    assert task.metadata.uid == "u"
    assert invalid is not None
    assert "runAfter" in invalid


def test_a_reason_of_a_newer_version_is_kept() -> None:
    task, invalid = parse_task(body({}, {"phase": "Retrying", "reason": "SolarFlare"}))
    assert (task.status.reason, invalid) == ("SolarFlare", None)


NEW_CONDITION = {"type": "Heard", "status": "True", "reason": "Heard", "lastTransitionTime": "2026-11-23T04:00:00Z"}


def test_conditions_of_a_newer_version_are_left_out() -> None:
    """After a rollback: a finished task was never deleted, since its failure could not be written."""
    known = NEW_CONDITION | {"type": "Complete"}
    task, invalid = parse_task(body({}, {"phase": "Succeeded", "conditions": [NEW_CONDITION, known]}))
    assert (invalid, task.status.phase, [each.type for each in task.status.conditions]) == (
        None,
        "Succeeded",
        ["Complete"],
    )


@pytest.mark.parametrize(
    "status", [{"conditions": [NEW_CONDITION]}, {"standby": {"ready": "many"}}, {"lastError": "x" * 100_000}]
)
def test_the_status_of_a_newer_version_hides_no_queue(status: dict[str, Any]) -> None:
    """After a rollback its tasks waited for a queue that was there."""
    spec = {"template": {"spec": {"containers": []}}, "concurrency": 3}
    metadata = {"name": "default", "namespace": "shop", "uid": "u"}
    queue = parse_queue({"metadata": metadata, "spec": spec, "status": status})
    assert queue is not None
    assert (queue.spec.concurrency, queue.status.conditions) == (3, [])
    assert parse_queue({"metadata": metadata, "spec": {"concurrency": -1}, "status": status}) is None


@pytest.mark.parametrize(
    ("spec", "managers", "expected"),
    [
        ({"cancel": True}, {"django-tasks-kubernetes": "f:task", "kubectl-patch": "f:cancel"}, "set by kubectl-patch"),
        ({"cancel": True, "cancelReason": "asked by alice"}, {"kubectl-patch": "f:cancel"}, "asked by alice"),
        ({"cancel": True}, {}, None),
        ({"cancel": False}, {"django-tasks-kubernetes": "f:cancel"}, None),
    ],
)
def test_a_cancelled_task_says_who_cancelled_it(
    spec: dict[str, Any], managers: dict[str, str], expected: str | None
) -> None:
    fields = [{"manager": name, "fieldsV1": {"f:spec": {field: {}}}} for name, field in managers.items()]
    body = {"metadata": {"name": "a", "managedFields": fields}, "spec": {"task": "a.b"} | spec}
    assert parse_task(body)[0].spec.cancel_reason == expected
