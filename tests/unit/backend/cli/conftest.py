"""An API server with two tasks and two schedules."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from django_tasks_kubernetes.codec.resource import Resource
from tests.unit.backend.hold_resources import hold_resource
from tests.unit.backend.kube.test_client import status
from tests.unit.backend.resources import FAILED, resource
from tests.unit.backend.schedule_resources import schedule_resource
from tests.unit.backend.web_server import Answer, Request, Server
from tests.unit.backend.workflow_resources import FAILED as FAILED_WORKFLOW
from tests.unit.backend.workflow_resources import table_row, workflow_resource

ONE = resource(
    "one", spec={"task": "tests.unit.backend.tasks.echo"}, phase="Failed", reason="TaskError", attempts=[FAILED]
)
FLOW = workflow_resource(status=FAILED_WORKFLOW)
STORED = resource("stored", spec={"payload": "", "payloadRef": {"storage": "files", "name": "x"}}, phase="Failed")

LISTED = {
    "djangotaskschedules": [schedule_resource(), schedule_resource("poll")],
    "djangotaskholds": [hold_resource()],
    "djangotaskqueues": [{"metadata": {"namespace": "shop", "name": name}} for name in ("mail", "reports")],
}


@pytest.fixture
def cluster(server: Server) -> Server:
    server.answer = two_tasks()
    return server


def two_tasks() -> Callable[[Request], Answer]:
    """The answers of an API server that has two tasks, and takes all that is created and changed."""
    alert = resource("flow-alert", phase="Succeeded")
    tasks = {one["metadata"]["name"]: one for one in (ONE, STORED)}
    hidden = {"flow-alert": alert}

    def answer(request: Request) -> Answer:
        path = urlsplit(request.path).path
        name = path.rpartition("/")[2]
        match request.method, name:
            case "GET", "djangotasks":
                return 200, {"metadata": {"resourceVersion": "1"}, "items": list(tasks.values())}, {}
            case "GET", _ if name in LISTED:
                return 200, {"metadata": {}, "items": LISTED[name]}, {}
            case "GET", "nightly":
                return 200, schedule_resource(), {}
            case "GET", "djangotaskworkflows":
                return 200, workflows(request), {}
            case "GET", "flow":
                return 200, FLOW, {}
            case "GET", _ if name in hidden:
                return 200, hidden[name], {}
            case "GET", "log":
                return 200, b"2026-11-23T12:00:00Z a line\n", {}
            case "GET", _ if name in tasks:
                return 200, tasks[name], {}
            case "GET", _:
                return status(404, "not found", kind="djangotasks", name=name)
            case "POST", _:
                created = request.body
                tasks[created["metadata"]["name"]] = created | {"status": {"phase": "Queued"}}
                return 201, created, {}
            case _:
                return 200, tasks[name], {}

    return answer


def workflows(request: Request) -> Resource:
    """A list of one workflow, in the form that was asked for."""
    metadata = {"resourceVersion": "1"}
    if "as=Table" not in request.headers["accept"]:
        return {"metadata": metadata, "items": [FLOW]}
    row = table_row(FLOW)
    columns = [{"name": name} for name in row["cells"]]
    rows = [{"cells": list(row["cells"].values()), "object": {"metadata": row["metadata"]}}]
    return {"metadata": metadata, "columnDefinitions": columns, "rows": rows}
