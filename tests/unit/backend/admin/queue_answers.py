"""An API server with queues and holds, which it changes as it is asked to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tests.unit.backend.admin.conftest import tables_of
from tests.unit.backend.kube.test_client import status
from tests.unit.backend.web_server import Answer, Request

QUEUES, HOLDS = "djangotaskqueues", "djangotaskholds"


def queue_resource(name: str = "reports", status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True", "reason": "Ready", "message": "Tasks can be started."}
    found = {"queued": 2, "running": 1, "oldestQueuedAt": "2026-11-29T12:00:00Z", "conditions": [condition]}
    template = {"spec": {"containers": [{"name": "task", "env": [{"name": "SECRET", "value": "hidden-value"}]}]}}
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"template": template, "concurrency": 5} | spec,
        "status": found | (status or {}),
    }


class QueueServer:
    """What `server.answer` is to be. `forbidden`: kinds whose use is refused, with the verb."""

    def __init__(self, *queues: dict[str, Any], holds: tuple[dict[str, Any], ...] = ()) -> None:
        self.queues = list(queues)
        self.holds = {hold["metadata"]["name"]: hold for hold in holds}
        self.tasks: list[dict[str, Any]] = []
        self.forbidden: set[str] = set()

    def __call__(self, request: Request) -> Answer:
        path = urlsplit(request.path).path
        for plural in (QUEUES, HOLDS):
            if f"/{plural}" in path and plural in self.forbidden:
                user = 'User "system:serviceaccount:shop:web" cannot list resource'
                return status(403, f'{plural}.djangotasks.dev is forbidden: {user} "{plural}" in API group')
        if f"/{HOLDS}" in path:
            return self._hold(request, path.rpartition(HOLDS)[2].strip("/"))
        if f"/{QUEUES}" in path:
            return 200, {"metadata": {}, "items": self.queues}, {}
        found: Answer = tables_of(*self.tasks)(request)
        return found

    def _hold(self, request: Request, name: str) -> Answer:
        match request.method:
            case "GET" if not name:
                return 200, {"metadata": {}, "items": list(self.holds.values())}, {}
            case "POST":
                name = request.body["metadata"]["name"]
                self.holds[name] = made(name, request.body["spec"], "1")
                return 201, self.holds[name], {}
            case _ if name not in self.holds:
                return status(404, "not found", kind=HOLDS, name=name)
            case "PATCH":
                spec = {key: value for key, value in request.body["spec"].items() if value is not None}
                self.holds[name] = made(name, spec, "2")
                return 200, self.holds[name], {}
            case "DELETE":
                return 200, self.holds.pop(name), {}
            case _:
                return 200, self.holds[name], {}


def made(name: str, spec: dict[str, Any], version: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": version}
    return {"metadata": metadata | {"creationTimestamp": "2026-11-29T11:00:00Z"}, "spec": spec}
