"""What may change and what may not, as the API server enforces it: the rules in CEL, and the status subresource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from djangotasks_api.bounds import SCHEDULE_NAME_MAX_CHARS, TASK_NAME_MAX_CHARS, WORKFLOW_SCHEDULE_NAME_MAX_CHARS
from djangotasks_api.models import TaskSpec
from djangotasks_api.names import TASK_KIND
from djangotasks_api.phases import TERMINAL_PHASES, Phase
from tests.contract.server import TEMPLATE, Refused, Server, queue, schedule, task

NewTask = Callable[..., str]

# Two values of each field. A field that is added to the model and not to this table fails the first test.
VALUES: dict[str, tuple[Any, Any]] = {
    "task": ("shop.tasks.send_receipt", "shop.tasks.send_invoice"),
    "queue": ("default", "reports"),
    "backend": ("default", "other"),
    "priority": (0, 1),
    "enqueuedAt": ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000001Z"),
    "runAfter": ("2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z"),
    "payload": ('{"args":[],"kwargs":{}}', '{"args":[1],"kwargs":{}}'),
    # There is only one.
    "payloadEncoding": ("zlib+base64", "zlib+base64"),
    "payloadRef": (
        {"storage": "default", "name": "a", "size": 1, "sha256": "0"},
        {"storage": "default", "name": "b", "size": 1, "sha256": "0"},
    ),
    "policy": ({"maxAttempts": 1}, {"maxAttempts": 2}),
    "expiresAt": ("2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z"),
    "idempotencyKey": ("order-1", "order-2"),
    "retryOf": ("a", "b"),
    "enqueuedBy": (
        {"name": "a", "uid": "3f0c6c1e", "attempt": 1},
        {"name": "a", "uid": "3f0c6c1e", "attempt": 2},
    ),
    "schedule": ("nightly", "hourly"),
    "scheduledFor": ("2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z"),
    "workflow": (
        {"name": "a", "uid": "3f0c6c1e", "step": "b", "index": 0},
        {"name": "a", "uid": "3f0c6c1e", "step": "b", "index": 1},
    ),
    "inputs": (
        [{"into": "/args/0", "step": "a", "pointer": ""}],
        [{"into": "/args/0", "step": "b", "pointer": ""}],
    ),
    "chunk": ({"size": 5}, {"size": 5, "only": "0-3"}),
    "overrides": ({"nodeSelector": {"disk": "ssd"}}, {"resources": {"limits": {"cpu": "1"}}}),
}
DEFAULTS = {"queue", "backend", "priority", "payload"}


def test_the_table_has_every_field() -> None:
    assert {*VALUES, "cancel", "cancelReason"} == {field.alias for field in TaskSpec.model_fields.values()}


@pytest.mark.parametrize("field", [field for field, (old, new) in VALUES.items() if old != new])
def test_a_field_of_the_spec_cannot_be_changed(server: Server, new_task: NewTask, field: str) -> None:
    old, new = VALUES[field]
    name = new_task(**{field: old})
    with pytest.raises(Refused, match=f"{field} cannot be changed; enqueue a new task instead"):
        server.patch(TASK_KIND, name, {"spec": {field: new}})
    server.patch(TASK_KIND, name, {"spec": {field: old}})
    assert server.get(TASK_KIND, name)["spec"][field] == old


@pytest.mark.parametrize("field", sorted(VALUES.keys() - {"task"}))
def test_a_field_of_the_spec_cannot_be_taken_away(server: Server, new_task: NewTask, field: str) -> None:
    name = new_task(**{field: VALUES[field][1]})
    with pytest.raises(Refused, match=f"{field} cannot be changed"):
        server.patch(TASK_KIND, name, {"spec": {field: None}})


@pytest.mark.parametrize("field", sorted(VALUES.keys() - {"task"}))
def test_a_field_of_the_spec_cannot_be_added(server: Server, new_task: NewTask, field: str) -> None:
    name = new_task()
    with pytest.raises(Refused, match=f"{field} cannot be changed"):
        server.patch(TASK_KIND, name, {"spec": {field: VALUES[field][1]}})
    if field in DEFAULTS:
        # What the server has filled in may be said, as `kubectl apply` of the whole object does.
        server.patch(TASK_KIND, name, {"spec": {field: VALUES[field][0]}})


def test_a_part_of_the_policy_cannot_be_changed(server: Server, new_task: NewTask) -> None:
    name = new_task(policy={"backoff": {"factor": 3}})
    for policy in ({"backoff": {"factor": 4}}, {"backoff": None}, {"timeoutSeconds": 5}):
        with pytest.raises(Refused, match="policy cannot be changed"):
            server.patch(TASK_KIND, name, {"spec": {"policy": policy}})


def test_cancel_can_be_set_and_stays(server: Server, new_task: NewTask) -> None:
    name = new_task()
    server.patch(TASK_KIND, name, {"spec": {"cancel": False}})
    server.patch(TASK_KIND, name, {"spec": {"cancel": True}})
    for value in (False, None):
        with pytest.raises(Refused, match="a cancelled task stays cancelled"):
            server.patch(TASK_KIND, name, {"spec": {"cancel": value}})
    assert server.get(TASK_KIND, name)["spec"]["cancel"] is True


def test_the_reason_is_given_when_the_task_is_cancelled(server: Server, new_task: NewTask) -> None:
    name = new_task()
    with pytest.raises(Refused, match="cancelReason is given together with cancel"):
        server.patch(TASK_KIND, name, {"spec": {"cancelReason": "too early"}})
    server.patch(TASK_KIND, name, {"spec": {"cancel": True, "cancelReason": "no longer needed"}})
    for reason in ("another", None):
        with pytest.raises(Refused, match="cancelReason is given together with cancel, and stays"):
            server.patch(TASK_KIND, name, {"spec": {"cancelReason": reason}})


NAME_ALLOWED = ["a", "0", "a-b", "2dcb45fe-6bfa-4e4a-9d3e-4803ad252315", "a" * TASK_NAME_MAX_CHARS]
NAME_REFUSED = ["a" * (TASK_NAME_MAX_CHARS + 1), "a" * 200, "a.b", "shop.tasks"]


@pytest.mark.parametrize("name", NAME_ALLOWED)
def test_a_name_that_jobs_can_be_named_after(server: Server, name: str) -> None:
    server.create(task(name), dry_run=True)


@pytest.mark.parametrize("name", NAME_REFUSED)
def test_a_name_that_no_job_could_have(server: Server, name: str) -> None:
    with pytest.raises(Refused, match="the name must be a DNS label of at most 57 characters, because Jobs are named"):
        server.create(task(name), dry_run=True)


@pytest.mark.parametrize("old", sorted(TERMINAL_PHASES))
def test_a_terminal_phase_never_moves(server: Server, new_task: NewTask, old: Phase) -> None:
    name = new_task()
    server.patch_status(name, {"phase": old})
    for new in Phase:
        if new is old:
            server.patch_status(name, {"phase": new, "message": "said again"})
            continue
        with pytest.raises(Refused, match="a task that is Succeeded, Failed or Cancelled stays so"):
            server.patch_status(name, {"phase": new})
    for nothing in (None, {"phase": None}):
        with pytest.raises(Refused, match="stays so"):
            server.patch_status(name, nothing)
    body = server.get(TASK_KIND, name)
    del body["status"]
    with pytest.raises(Refused, match="stays so"):
        server.replace(body, subresource="/status")
    assert server.get(TASK_KIND, name)["status"]["phase"] == old
    # All else of it can still be written: its Job is finished after it is, and labels are people's.
    server.patch_status(name, {"message": "still to be said"})
    server.patch(TASK_KIND, name, {"metadata": {"labels": {"team": "shop"}}})


@pytest.mark.parametrize("old", [phase for phase in Phase if not phase.is_terminal])
def test_other_phases_may_move_anywhere(server: Server, new_task: NewTask, old: Phase) -> None:
    name = new_task()
    server.patch_status(name, {"phase": old})
    for new in Phase:
        server.patch_status(name, {"phase": new}, dry_run=True)


def test_a_new_task_is_queued_without_a_write(server: Server, new_task: NewTask) -> None:
    body = server.get(TASK_KIND, new_task())
    assert body["status"] == {"phase": "Queued", "interruptions": 0}
    assert body["metadata"]["generation"] == 1
    # A merge patch that says nothing of the phase keeps it.
    assert server.patch_status(body["metadata"]["name"], {"message": "waits"})["status"]["phase"] == "Queued"


def test_a_status_cannot_be_given_at_creation(server: Server) -> None:
    body = server.create(task("hopeful") | {"status": {"phase": "Succeeded", "result": "1"}})
    assert body["status"] == {"phase": "Queued", "interruptions": 0}


def test_the_task_and_its_status_are_written_apart(server: Server, new_task: NewTask) -> None:
    """Users who may cancel tasks may not write how they ended; the operator may not change what they do."""
    name = new_task()
    queued = {"phase": "Queued", "interruptions": 0}
    patched = server.patch(TASK_KIND, name, {"status": {"phase": "Succeeded", "result": "1"}})
    assert patched["status"] == queued
    body = server.get(TASK_KIND, name)
    assert server.replace(body | {"status": {"phase": "Succeeded"}})["status"] == queued
    written = server.replace(
        body | {"spec": body["spec"] | {"cancel": True}, "status": {"phase": "Running"}}, subresource="/status"
    )
    assert (written["spec"]["cancel"], written["status"]["phase"]) == (False, "Running")
    assert server.get(TASK_KIND, name)["metadata"]["generation"] == 1


def test_a_stale_write_is_a_conflict(server: Server, new_task: NewTask) -> None:
    """What the operator relies on: `the first outcome wins` is this."""
    name = new_task()
    body = server.get(TASK_KIND, name)
    server.patch_status(name, {"phase": "Running"})
    with pytest.raises(Refused) as refused:
        server.replace(body | {"status": {"phase": "Starting"}}, subresource="/status")
    assert refused.value.code == 409


SOURCES: list[tuple[dict[str, Any], bool]] = [
    ({"template": TEMPLATE}, True),
    ({"template": {}}, True),
    ({"podTemplateFrom": {"deployment": "web"}}, True),
    ({"template": TEMPLATE, "podTemplateFrom": {"deployment": "web"}}, False),
    ({"concurrency": 1}, False),
    ({"template": TEMPLATE, "podTemplateFrom": None}, True),
    ({"template": None}, False),
]


@pytest.mark.parametrize(("spec", "allowed"), SOURCES)
def test_a_queue_has_exactly_one_source_of_its_pods(server: Server, spec: dict[str, Any], allowed: bool) -> None:
    if allowed:
        server.create(queue(**spec), dry_run=True)
        return
    with pytest.raises(Refused, match="set exactly one of template and podTemplateFrom"):
        server.create(queue(**spec), dry_run=True)


def test_a_queue_may_change(server: Server) -> None:
    server.create(queue("changing", template=TEMPLATE, concurrency=1))
    kind = queue()["kind"]
    server.patch(kind, "changing", {"spec": {"concurrency": None, "policy": {"maxAttempts": 3}}})
    changed = server.patch(kind, "changing", {"spec": {"template": None, "podTemplateFrom": {"deployment": "web"}}})
    assert changed["spec"]["podTemplateFrom"]["deployment"] == "web"
    with pytest.raises(Refused, match="set exactly one"):
        server.patch(kind, "changing", {"spec": {"template": TEMPLATE}})


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "set exactly one of cron and everyMinutes"),
        ({"cron": ["@daily"], "everyMinutes": 5}, "set exactly one of cron and everyMinutes"),
        (
            {"cron": ["@daily"], "startAt": "2026-11-23T13:00:00Z", "endAt": "2026-11-23T13:00:00Z"},
            "startAt must be before endAt",
        ),
        ({"cron": ["CRON_TZ=UTC 0 2 * * *"]}, "should match"),
        ({"cron": ["0 2 * * * *"]}, "should match"),
    ],
)
def test_a_schedule_is_checked_as_a_whole(server: Server, spec: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message):
        server.create(schedule(**spec, task={"task": "shop.tasks.nightly"}), dry_run=True)


def test_the_name_of_a_schedule_leaves_room_for_those_of_its_tasks(server: Server) -> None:
    server.create(schedule("s" * SCHEDULE_NAME_MAX_CHARS), dry_run=True)
    for name in ("s" * (SCHEDULE_NAME_MAX_CHARS + 1), "shop.nightly"):
        with pytest.raises(Refused, match="because tasks are named after it"):
            server.create(schedule(name), dry_run=True)


def test_all_of_a_schedule_can_be_changed(server: Server) -> None:
    server.create(schedule("changing"))
    changed = server.patch(
        "DjangoTaskSchedule", "changing", {"spec": {"cron": None, "everyMinutes": 5, "task": {"task": "shop.tasks.b"}}}
    )
    assert (changed["spec"]["everyMinutes"], changed["spec"]["task"]["task"]) == (5, "shop.tasks.b")


def test_the_name_of_a_schedule_of_workflows_leaves_room_for_those_of_their_steps(server: Server) -> None:
    spec = {"cron": ["0 2 * * *"], "workflow": {"steps": [{"name": "a", "task": "shop.tasks.a"}]}}
    server.create(schedule("s" * WORKFLOW_SCHEDULE_NAME_MAX_CHARS, **spec), dry_run=True)
    with pytest.raises(Refused, match="the name of a schedule of workflows may have 23 characters"):
        server.create(schedule("s" * (WORKFLOW_SCHEDULE_NAME_MAX_CHARS + 1), **spec), dry_run=True)


@pytest.mark.parametrize(
    "template", [{}, {"task": {"task": "a.b"}, "workflow": {"steps": [{"name": "a", "task": "a.b"}]}}]
)
def test_a_schedule_has_a_task_or_a_workflow(server: Server, template: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="set exactly one of task and workflow"):
        server.create(schedule(cron=["0 2 * * *"], **template), dry_run=True)
