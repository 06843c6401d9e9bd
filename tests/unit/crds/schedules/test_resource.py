"""The DjangoTask of a scheduled time."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from djangotasks_api.models import DjangoTask, DjangoTaskWorkflow
from djangotasks_api.schedules.resource import is_run, scheduled

AT = datetime(2026, 11, 29, 2, 0, tzinfo=timezone(timedelta(hours=1)))
# With a jitter.
LATE = AT + timedelta(minutes=10)
NOW = datetime(2026, 11, 29, 1, 0, 0, 7, tzinfo=UTC)
TEMPLATE = {"task": "shop.tasks.nightly", "queue": "maintenance", "payload": '{"args":[1],"kwargs":{}}'}


def made(spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    resource = scheduled("nightly", {"cron": ["0 2 * * *"], "task": TEMPLATE} | (spec or {}), AT, NOW, **more)
    DjangoTask.model_validate(resource)
    return resource


@pytest.mark.parametrize(
    ("changed", "own"),
    [
        ({}, True),
        ({"payload": '{"args":[],"kwargs":{}}', "queue": "default", "enqueuedAt": "2026-11-29T00:59:00Z"}, True),
        ({"cancel": True, "cancelReason": "why"}, True),
        ({"task": "a.b"}, False),
        ({"schedule": "other"}, False),
        ({"runAfter": "2099-01-01T00:00:00Z"}, False),
        ({"workflow": {"name": "flow", "uid": "u", "step": "a"}}, False),
    ],
)
def test_what_has_the_name_of_a_time_is_its_run(changed: dict[str, Any], own: bool) -> None:
    spec = made()["spec"]
    assert is_run(spec | changed, spec) is own


def test_manifest_of_a_time() -> None:
    assert made() == {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTask",
        "metadata": {
            "name": "nightly-202611290100",
            "labels": {"djangotasks.dev/queue": "maintenance", "djangotasks.dev/schedule": "nightly"},
        },
        "spec": TEMPLATE
        | {
            "enqueuedAt": "2026-11-29T01:00:00.000007Z",
            "schedule": "nightly",
            "scheduledFor": "2026-11-29T01:00:00Z",
        },
    }


@pytest.mark.parametrize(
    ("spec", "more", "expected"),
    [
        ({"startingDeadlineSeconds": 90}, {"due_at": AT}, {"expiresAt": "2026-11-29T01:01:30Z"}),
        ({"startingDeadlineSeconds": 90}, {"due_at": LATE}, {"expiresAt": "2026-11-29T01:11:30Z"}),
        ({"startingDeadlineSeconds": 90}, {}, {"expiresAt": None}),
        ({}, {"due_at": AT}, {"expiresAt": None}),
        ({"task": {"task": "shop.tasks.a", "policy": None}}, {}, {"policy": None, "queue": None, "expiresAt": None}),
    ],
)
def test_fields_of_the_manifest(spec: Any, more: Any, expected: Any) -> None:
    found = made(spec, **more)["spec"]
    assert {name: found.get(name) for name in expected} == expected
    assert None not in found.values()


def test_label_is_the_queue_that_the_crd_gives_by_default() -> None:
    labels = made({"task": {"task": "shop.tasks.a"}})["metadata"]["labels"]
    assert labels["djangotasks.dev/queue"] == "default"


def test_another_name() -> None:
    assert made(name="by-hand")["metadata"]["name"] == "by-hand"


def test_a_workflow_of_a_time() -> None:
    template = {"queue": "reports", "steps": [{"name": "a", "task": "shop.tasks.a"}], "priority": None}
    spec = {"cron": ["0 2 * * *"], "workflow": template, "startingDeadlineSeconds": 60}
    resource = scheduled("nightly", spec, AT, NOW, due_at=AT)
    DjangoTaskWorkflow.model_validate(resource)
    assert resource["kind"] == "DjangoTaskWorkflow"
    assert resource["metadata"]["name"] == "nightly-202611290100"
    assert resource["spec"] == {
        "queue": "reports",
        "steps": template["steps"],
        "enqueuedAt": "2026-11-29T01:00:00.000007Z",
        "schedule": "nightly",
        "scheduledFor": "2026-11-29T01:00:00Z",
    }
