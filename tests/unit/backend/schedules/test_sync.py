"""What sync makes of the schedules in the cluster."""

from typing import Any

import pytest

from django_tasks_kubernetes.schedules.sync import (
    Action,
    FieldChange,
    action_of,
    changes,
    is_applied,
    refusal,
    superseded,
    surplus,
)
from tests.unit.backend.schedule_resources import schedule_resource


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, None),
        (schedule_resource(project="shop"), None),
        (
            schedule_resource(project="other"),
            "is declared by 'other'. If that is this project, as its chart's release is, say --declared-by other",
        ),
        (schedule_resource(project=None), "was not made by `schedules sync`"),
    ],
)
def test_refusal(found: Any, message: str | None) -> None:
    said = refusal(schedule_resource(), found)
    assert (said is None) == (message is None)
    assert (message or "") in (said or "")


@pytest.mark.parametrize(
    ("found", "applied", "action"),
    [
        (None, schedule_resource(), Action.CREATED),
        (schedule_resource(), schedule_resource(), Action.UNCHANGED),
        (schedule_resource(status={"active": 1}), schedule_resource(), Action.UNCHANGED),
        (schedule_resource(cron=["@daily"]), schedule_resource(), Action.CHANGED),
        (schedule_resource(project="other"), schedule_resource(), Action.CHANGED),
    ],
)
def test_action(found: Any, applied: Any, action: Action) -> None:
    assert action_of(found, applied) is action


def test_surplus_is_the_projects_own() -> None:
    found = [
        schedule_resource(name, project=whose)
        for name, whose in (("a", "shop"), ("b", "shop"), ("c", "other"), ("d", None))
    ]
    assert [one["metadata"]["name"] for one in surplus(["a"], found, "shop")] == ["b"]


def test_surplus_of_one_backend() -> None:
    """Two aliases may share a namespace."""
    found = [
        schedule_resource("a", task={"task": "a.b", "backend": "default"}),
        schedule_resource("b", task={"task": "a.b", "backend": "other"}),
        schedule_resource("c", task=None, workflow={"backend": "other"}),
        schedule_resource("d"),
    ]
    assert [one["metadata"]["name"] for one in surplus([], found, "shop", {"default"})] == ["a", "d"]
    assert [one["metadata"]["name"] for one in surplus(["b"], found, "shop", {"other"})] == ["c"]


def test_changes_name_the_fields() -> None:
    before = {"cron": ["@daily"], "task": {"task": "a", "policy": {"maxAttempts": 1, "ttl": 5}}, "same": 1}
    after = {"cron": ["@hourly"], "task": {"task": "a", "policy": {"maxAttempts": 3}}, "same": 1, "catchUp": "All"}
    assert list(changes(before, after)) == [
        FieldChange("cron", ["@daily"], ["@hourly"]),
        FieldChange("task.policy.maxAttempts", 1, 3),
        FieldChange("task.policy.ttl", 5, None),
        FieldChange("catchUp", None, "All"),
    ]


LABEL: Any = {"f:labels": {".": {}, "f:djangotasks.dev/declared-by": {}}}


def entry(manager: str, *, metadata: Any = None, **spec: Any) -> dict[str, Any]:
    fields = {"f:metadata": metadata or {}, "f:spec": {".": {}} | spec}
    return {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields}


POLICY: Any = {".": {}, "f:timeoutSeconds": {}}


@pytest.mark.parametrize(
    ("entries", "spec", "gone"),
    [
        # What `kubectl apply` of `schedules yaml` has set, and the code no longer says.
        (
            [entry("kubectl-client-side-apply", metadata=LABEL, **{"f:jitterSeconds": {}, "f:cron": {}})],
            {"jitterSeconds": 30},
            {"jitterSeconds": None},
        ),
        (
            [entry("argocd-controller", metadata=LABEL, **{"f:task": {"f:policy": POLICY, "f:queue": {}}})],
            {"task": {"task": "a.b", "queue": "mail", "policy": {"timeoutSeconds": 30}}},
            {"task": {"policy": None}},
        ),
        # So has an earlier sync.
        ([entry("djangotasks-sync", **{"f:endAt": {}})], {"endAt": "2030-01-01T00:00:00Z"}, {"endAt": None}),
        # A person has.
        ([entry("kubectl-edit", **{"f:jitterSeconds": {}})], {"jitterSeconds": 30}, {}),
        ([entry("kubectl-client-side-apply", metadata=LABEL, **{"f:suspended": {}})], {"suspended": True}, {}),
        ([entry("operator", metadata=LABEL) | {"subresource": "status"}], {}, {}),
        # What excludes a field of the code, also where a person has set it.
        ([], {"cron": None, "everyMinutes": 5}, {"everyMinutes": None}),
        ([], {"task": None, "workflow": {"workflow": "a.b"}}, {"workflow": None}),
    ],
)
def test_what_an_apply_would_leave(entries: Any, spec: Any, gone: Any) -> None:
    found = schedule_resource(**spec)
    found["metadata"]["managedFields"] = entries
    assert superseded(schedule_resource(), found) == gone


def test_an_apply_leaves_nothing_of_what_is_not_there() -> None:
    assert superseded(schedule_resource(), None) == {}


OWNED: Any = {"f:cron": {}, "f:timeZone": {}, "f:task": {"f:task": {}, "f:queue": {}}}


def applied(*, manager: str = "djangotasks-sync", operation: str = "Apply", spec: Any = None) -> dict[str, Any]:
    """An entry for all that schedule_resource() says; `spec`: for more, or less."""
    owned = {name: inner for name, inner in (OWNED | (spec or {})).items() if inner is not None}
    return entry(manager, metadata=LABEL, **owned) | {"operation": operation, "apiVersion": "djangotasks.dev/v1alpha1"}


STEPS: Any = [{"name": "a", "task": "a.b"}]


@pytest.mark.parametrize(
    ("entries", "spec", "wanted", "is_there"),
    [
        ([applied()], {}, {}, True),
        # What the code does not say is another's.
        ([applied(), entry("kubectl-edit", **{"f:suspended": {}})], {"suspended": True, "catchUp": "Latest"}, {}, True),
        (
            [applied(spec={"f:workflow": {"f:steps": {'k:{"name":"a"}': {}}}})],
            *[{"workflow": {"steps": STEPS}}] * 2,
            True,
        ),
        ([applied()], {"cron": ["@daily"]}, {}, False),
        ([applied()], {"task": {"task": "a.b", "queue": "mail"}}, {}, False),
        ([applied()], {"timeZone": None}, {}, False),
        # Somebody else has set the same: a later sync could not take it away.
        ([], {}, {}, False),
        ([applied(manager="kubectl-edit")], {}, {}, False),
        ([applied(operation="Update")], {}, {}, False),
        ([applied(spec={"f:timeZone": None}), applied(manager="kubectl-edit")], {}, {}, False),
        ([applied() | {"apiVersion": "djangotasks.dev/v1"}], {}, {}, False),
        # A map that is owned as a whole is not looked into.
        ([applied(spec={"f:task": {}})], {}, {}, False),
    ],
)
def test_what_is_applied_needs_no_apply(entries: Any, spec: Any, wanted: Any, is_there: bool) -> None:
    found = schedule_resource(**spec)
    found["metadata"]["managedFields"] = entries
    assert is_applied(schedule_resource(**wanted), found) is is_there
    assert not is_applied(schedule_resource(project="other"), found)
    assert not is_applied(schedule_resource(), None)
