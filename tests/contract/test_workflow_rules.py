"""What may change of a workflow and what may not, as the API server enforces it."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from djangotasks_api.bounds import STEP_NAME_MAX_CHARS, WORKFLOW_NAME_MAX_CHARS
from djangotasks_api.models import WorkflowSpec
from djangotasks_api.names import WORKFLOW_KIND
from djangotasks_api.workflow.bounds import LIST_MAX_CHARS, STEP_PAYLOAD_MAX_BYTES, STEPS_MAX, WORKFLOW_SPEC_MAX_BYTES
from djangotasks_api.workflow.records import WorkflowPhase
from tests.contract.server import Refused, Server, workflow

STEP = {"name": "a", "task": "shop.tasks.send_receipt"}
# Two values of each field. A field that is added to the model and not to this table fails the first test.
VALUES: dict[str, tuple[Any, Any]] = {
    "workflow": ("shop.flows.monthly", "shop.flows.daily"),
    "backend": ("default", "other"),
    "queue": ("default", "reports"),
    "priority": (0, 1),
    "enqueuedAt": ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000001Z"),
    "maxParallel": (1, 2),
    "policy": ({"timeoutSeconds": 1}, {"timeoutSeconds": 2}),
    "idempotencyKey": ("order-1", "order-2"),
    "retryOf": ({"name": "flow", "uid": "u-1"}, {"name": "flow", "uid": "u-2"}),
    "schedule": ("monthly", "daily"),
    "scheduledFor": ("2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z"),
    "enqueuedBy": ({"name": "t", "uid": "u", "attempt": 1}, {"name": "t", "uid": "u", "attempt": 2}),
    "returnedBy": ({"name": "t", "uid": "u", "depth": 1}, {"name": "t", "uid": "u", "depth": 2}),
    "output": ({"value": "null"}, {"value": "1"}),
    "lists": ([{"name": "a", "items": "[1]"}], [{"name": "a", "items": "[2]"}]),
    "steps": ([STEP], [STEP | {"priority": 1}]),
}


def new(server: Server, **spec: Any) -> str:
    body = workflow(f"flow-{secrets.token_hex(4)}", **spec)
    server.create(body)
    name: str = body["metadata"]["name"]
    return name


def test_the_table_has_every_field() -> None:
    fields = {field.alias for field in WorkflowSpec.model_fields.values()}
    assert {*VALUES, "cancel", "cancelReason", "suspended"} == fields


@pytest.mark.parametrize("field", VALUES)
def test_a_field_of_the_spec_cannot_be_changed(server: Server, field: str) -> None:
    old, other = VALUES[field]
    name = new(server, **{field: old})
    with pytest.raises(Refused, match=f"{field} cannot be changed; enqueue a new workflow instead"):
        server.patch(WORKFLOW_KIND, name, {"spec": {field: other}})
    server.patch(WORKFLOW_KIND, name, {"spec": {field: old}})


def test_a_workflow_may_be_suspended_and_go_on(server: Server) -> None:
    name = new(server)
    for value in (True, False):
        server.patch(WORKFLOW_KIND, name, {"spec": {"suspended": value}})
        assert server.get(WORKFLOW_KIND, name)["spec"]["suspended"] is value


def test_a_cancelled_workflow_stays_cancelled(server: Server) -> None:
    name = new(server)
    with pytest.raises(Refused, match="cancelReason is given together with cancel"):
        server.patch(WORKFLOW_KIND, name, {"spec": {"cancelReason": "too early"}})
    server.patch(WORKFLOW_KIND, name, {"spec": {"cancel": True, "cancelReason": "no longer needed"}})
    with pytest.raises(Refused, match="a cancelled workflow stays cancelled"):
        server.patch(WORKFLOW_KIND, name, {"spec": {"cancel": False}})


@pytest.mark.parametrize("old", [phase for phase in WorkflowPhase if phase.is_terminal])
def test_a_terminal_phase_never_moves(server: Server, old: WorkflowPhase) -> None:
    name = new(server)
    server.patch_status(name, {"phase": old}, kind=WORKFLOW_KIND)
    for phase in WorkflowPhase:
        if phase is not old:
            with pytest.raises(Refused, match="a workflow that is Succeeded, Failed or Cancelled stays so"):
                server.patch_status(name, {"phase": phase}, kind=WORKFLOW_KIND)


def test_a_new_workflow_is_pending_without_a_write(server: Server) -> None:
    name = new(server)
    assert server.get(WORKFLOW_KIND, name)["status"]["phase"] == "Pending"


@pytest.mark.parametrize("source", [{}, {"list": "a", "over": "b"}, {"over": "a", "each": "b"}])
def test_a_map_has_exactly_one_source(server: Server, source: dict[str, str]) -> None:
    with pytest.raises(Refused, match="map: set exactly one of list, over and each"):
        server.create(workflow(steps=[STEP | {"map": source}]), dry_run=True)


def test_steps_have_names_of_their_own(server: Server) -> None:
    with pytest.raises(Refused, match="Duplicate value"):
        server.create(workflow(steps=[STEP, STEP]), dry_run=True)


def test_a_payload_is_counted_in_bytes(server: Server) -> None:
    server.create(workflow(steps=[STEP | {"payload": "ö" * (STEP_PAYLOAD_MAX_BYTES // 2)}]), dry_run=True)
    with pytest.raises(Refused, match=f"must have at most {STEP_PAYLOAD_MAX_BYTES} bytes"):
        server.create(workflow(steps=[STEP | {"payload": "ö" * (STEP_PAYLOAD_MAX_BYTES // 2 + 1)}]), dry_run=True)


@pytest.mark.parametrize(
    ("length", "accepted"), [(WORKFLOW_NAME_MAX_CHARS, True), (WORKFLOW_NAME_MAX_CHARS + 1, False)]
)
def test_a_name_leaves_room_for_those_of_its_tasks(server: Server, length: int, accepted: bool) -> None:
    body = workflow("a" * length)
    if accepted:
        server.create(body, dry_run=True)
    else:
        with pytest.raises(Refused, match="because tasks are named after it"):
            server.create(body, dry_run=True)


def _many_steps() -> dict[str, Any]:
    payload = "x" * (WORKFLOW_SPEC_MAX_BYTES // STEPS_MAX - 200)
    return {
        "steps": [
            STEP | {"name": f"{'a' * (STEP_NAME_MAX_CHARS - 4)}-{n:03}", "payload": payload} for n in range(STEPS_MAX)
        ]
    }


def _long_list() -> dict[str, Any]:
    return {"steps": [STEP], "lists": [{"name": "a", "items": json.dumps(["x" * 14] * (LIST_MAX_CHARS // 18))}]}


@pytest.mark.parametrize("spec", [_many_steps(), _long_list()], ids=["many steps", "a long list"])
def test_a_workflow_as_large_as_may_be_is_written_and_changed(server: Server, spec: dict[str, Any]) -> None:
    """Within what the API server lets its rules cost, and what etcd stores."""
    assert WORKFLOW_SPEC_MAX_BYTES * 0.7 < len(json.dumps(spec)) <= WORKFLOW_SPEC_MAX_BYTES
    name = new(server, **spec)
    steps = {step["name"]: {"phase": "Succeeded"} for step in spec["steps"]}
    server.patch_status(name, {"phase": "Running", "steps": steps}, kind=WORKFLOW_KIND)
    server.patch(WORKFLOW_KIND, name, {"spec": {"cancel": True}})
    assert server.get(WORKFLOW_KIND, name)["status"]["steps"].keys() == steps.keys()
