"""What tasks need to know of their workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from djangotasks_api.models import PartOf
from djangotasks_api.workflow.engine import StepTask
from djangotasks_operator.workflows.views import parse_workflow, step_task_of, with_status
from tests.support.builders import NOW, at

STEPS = [{"name": "a", "task": "shop.tasks.a"}, {"name": "clean", "task": "shop.tasks.b", "runs": "Always"}]


def body(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "flow", "namespace": "shop", "uid": "1", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {"steps": STEPS, **spec}, "status": status or {}}


RUNNING = {"phase": "Running", "startedAt": "2026-11-23T12:00:00Z"}


@pytest.mark.parametrize(
    ("status", "spec", "seconds", "words"),
    [
        (RUNNING, {}, 0, None),
        (RUNNING, {"cancel": True}, 0, "its workflow flow was cancelled"),
        (RUNNING, {"cancel": True, "cancelReason": "late"}, 0, "its workflow flow was cancelled: late"),
        (RUNNING, {"policy": {"timeoutSeconds": 10}}, 9, None),
        (RUNNING, {"policy": {"timeoutSeconds": 10}}, 10, "its workflow flow ran too long"),
        ({}, {"policy": {"timeoutSeconds": 10}}, 99, None),
        (RUNNING | {"phase": "Cancelled"}, {"cancel": True}, 0, None),
    ],
)
def test_a_stopped_workflow_stops_its_tasks(
    status: dict[str, Any], spec: dict[str, Any], seconds: int, words: str | None
) -> None:
    workflow = parse_workflow(body(status, **spec))
    assert workflow.stops("a", at(seconds)) == words
    assert workflow.stops("clean", at(seconds)) is None


def test_what_is_not_given_has_a_default() -> None:
    workflow = parse_workflow(body())
    assert (workflow.ttl, workflow.timeout, workflow.started_at) == (timedelta(days=1), None, None)
    assert workflow.stopped(NOW) is None


@pytest.mark.parametrize(
    ("name", "index", "found"),
    [("flow-a", None, ("a", 0)), ("flow-a-00007", 7, ("a", 7)), ("flow-a", 7, None), ("other", None, None)],
)
def test_a_task_of_a_workflow_has_the_name_of_one(name: str, index: int | None, found: tuple[str, int] | None) -> None:
    part = PartOf(name="flow", uid="1", step="a", index=index)
    assert step_task_of(name, part) == (None if found is None else StepTask(*found))


@pytest.mark.parametrize("field", ["returnedBy", "retryOf"])
def test_what_another_workflow_or_task_is_named_by_is_a_text(field: str) -> None:
    """Also where the schema of an older CRD let through something else: it is a key."""
    found = parse_workflow(body(**{field: {"name": [], "uid": {}, "depth": 1}}))
    origin = found.returned_by if field == "returnedBy" else found.retry_of
    assert origin == ("[]", "{}")


@pytest.mark.parametrize(
    ("status", "spec"),
    [
        (RUNNING, {}),
        (RUNNING, {"cancel": True, "cancelReason": "late", "suspended": True}),
        (RUNNING | {"phase": "Failed", "finishedAt": "2026-11-23T12:00:09Z"}, {}),
        ({"steps": {"a": {"phase": "Succeeded", "takenOver": [{"workflow": "old", "uid": "0", "indexes": "0"}]}}}, {}),
    ],
)
def test_the_answer_to_a_write_of_a_status_is_read_as_any_other(status: dict[str, Any], spec: dict[str, Any]) -> None:
    fixed: dict[str, Any] = {"retryOf": {"name": "old", "uid": "0"}, "policy": {"timeoutSeconds": 9}, "queue": "mail"}
    answer = body(status, **fixed, **spec)
    answer["metadata"] |= {"resourceVersion": "2", "deletionTimestamp": "2026-11-23T12:00:00Z"}
    assert with_status(parse_workflow(body(**fixed)), answer) == parse_workflow(answer)
