"""An API server that has one of everything, and keeps what it was asked to change."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qs, urlsplit

from djangotasks_api.definitions import workflow_definition
from tests.unit.backend.admin.conftest import made_task
from tests.unit.backend.admin.queue_answers import queue_resource
from tests.unit.backend.hold_resources import hold_resource
from tests.unit.backend.kube.test_client import status
from tests.unit.backend.resources import attempt
from tests.unit.backend.schedule_resources import schedule_resource
from tests.unit.backend.tables import FakeTables
from tests.unit.backend.web_server import Answer, Request
from tests.unit.backend.workflow_resources import FAILED, table_row, workflow_resource

TASKS, QUEUES, HOLDS, SCHEDULES, WORKFLOWS = (
    "djangotasks", "djangotaskqueues", "djangotaskholds", "djangotaskschedules", "djangotaskworkflows",
)  # fmt: skip
PATH = re.compile(r"/namespaces/shop/(\w+)(?:/([^/]+))?(?:/.*)?")
# By kind, the name of the one that there is.
NAMES = {TASKS: "one", QUEUES: "mail", HOLDS: "mail", SCHEDULES: "nightly", WORKFLOWS: "flow"}


class WholeCluster:
    """What `server.answer` is to be. `changes`: the method and the path of each request that was no GET."""

    def __init__(self, *resources: tuple[str, dict[str, Any]]) -> None:
        self.resources: dict[str, list[dict[str, Any]]] = {plural: [] for plural in NAMES}
        for plural, resource in resources or one_of_each():
            self.resources[plural].append(resource)
        self.changes: list[tuple[str, str]] = []

    def __call__(self, request: Request) -> Answer:
        address = urlsplit(request.path)
        if address.path.endswith("/selfsubjectaccessreviews"):
            return 201, {"status": {"allowed": True}}, {}
        found = PATH.search(address.path)
        assert found is not None, request.path
        plural, name = found[1], found[2]
        if request.method != "GET":
            self.changes.append((request.method, address.path.rpartition("/shop/")[2]))
        if request.method == "POST":
            made = deepcopy(request.body)
            made["metadata"] |= {"namespace": "shop", "uid": f"uid-{made['metadata']['name']}", "resourceVersion": "1"}
            return 201, made, {}
        if name is None:
            return 200, self._list(plural, request), {}
        known = next((one for one in self.resources.get(plural, ()) if one["metadata"]["name"] == name), None)
        if known is None:
            return status(404, "not found", kind=plural, name=name)
        if request.method == "PATCH":
            spec = known["spec"] | request.body.get("spec", {})
            return 200, known | {"spec": {key: value for key, value in spec.items() if value is not None}}, {}
        return 200, known, {}

    def _list(self, plural: str, request: Request) -> dict[str, Any]:
        listed = self.resources[plural]
        if "Table" not in request.headers.get("accept", ""):
            return {"metadata": {"resourceVersion": "7"}, "items": listed}
        if plural == WORKFLOWS:
            return workflow_table(listed)
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        found: dict[str, Any] = FakeTables(*listed).table_page(
            fields=query.get("fieldSelector", ""), labels=query.get("labelSelector", ""), limit=int(query["limit"])
        )
        return found


def workflow_table(listed: list[dict[str, Any]]) -> dict[str, Any]:
    names = ["Name", *(column.name for column in workflow_definition().columns)]
    rows = [{"cells": [table_row(one)["cells"].get(name) for name in names], "object": None} for one in listed]
    columns = [{"name": name} for name in names]
    return {"kind": "Table", "metadata": {"resourceVersion": "7"}, "columnDefinitions": columns, "rows": rows}


def one_of_each() -> list[tuple[str, dict[str, Any]]]:
    """All in the queue `mail`, each with all that a page may show of it."""
    return [
        (TASKS, failed_task(NAMES[TASKS])),
        (TASKS, made_task(2, "two", phase="Running", startedAt="2026-11-29T12:02:01Z", progress={"message": "half"})),
        (TASKS, made_task(3, "three", phase="Queued", reason="ConcurrencyLimit", message="10 of 10 run")),
        (QUEUES, full_queue()),
        (HOLDS, hold_resource(NAMES[HOLDS], by="jane", reason="prices are wrong")),
        (SCHEDULES, full_schedule()),
        (WORKFLOWS, workflow_resource(NAMES[WORKFLOWS], FAILED, retryOf={"name": "other"}, cancelReason="wrong")),
    ]


def failed_task(name: str) -> dict[str, Any]:
    times = {"startedAt": "2026-11-29T12:00:02Z", "finishedAt": "2026-11-29T12:00:05Z"}
    error = {"type": "builtins.KeyError", "traceback": "Traceback\n  line 7"}
    failed = attempt(
        1, reason="TaskError", message="KeyError", node="node-1", image="shop:1", exitCode=1, error=error, **times
    )
    return made_task(
        1,
        name,
        labels={"djangotasks.dev/schedule": NAMES[SCHEDULES]},
        spec={
            "payload": '{"args":["first"],"kwargs":{"second":{"third":3}}}',
            "enqueuedBy": {"name": "parent", "uid": "u", "attempt": 1},
            "retryOf": "other",
            "idempotencyKey": "order-1",
            "schedule": NAMES[SCHEDULES],
            "workflow": {"name": NAMES[WORKFLOWS], "step": "render", "index": 3},
            "cancel": True,
            "cancelReason": "wrong month",
        },
        phase="Failed",
        reason="TaskError",
        message="KeyError: 'x'",
        attempts=[failed],
        logTail={"attempt": 1, "text": "reading orders.csv"},
        result='{"a": 1}',
        progress={"message": "reading", "percent": 42},
        **times,
    )


def full_queue() -> dict[str, Any]:
    condition = {"type": "Ready", "status": "False", "reason": "DeploymentNotFound", "message": "There is no 'web'."}
    state = {"lastError": "quota", "lastErrorAt": "2026-11-29T12:00:00Z", "conditions": [condition]}
    return queue_resource(NAMES[QUEUES], state, rateLimit={"starts": 5, "periodSeconds": 60})


def full_schedule() -> dict[str, Any]:
    condition = {"type": "Ready", "status": "False", "reason": "TemplateInvalid", "message": "No queue mail."}
    state = {"lastScheduledFor": "2026-11-29T01:00:00Z", "active": 1, "conditions": [condition]}
    return schedule_resource(NAMES[SCHEDULES], status=state)
