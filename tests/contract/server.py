"""The API server over one kept-alive connection, through `kubectl proxy`: a call takes a few milliseconds."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from djangotasks_api.names import (
    API_VERSION,
    HOLD_KIND,
    HOLD_PLURAL,
    QUEUE_KIND,
    QUEUE_PLURAL,
    SCHEDULE_KIND,
    SCHEDULE_PLURAL,
    TASK_KIND,
    TASK_PLURAL,
    WORKFLOW_KIND,
    WORKFLOW_PLURAL,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.cluster.cluster import Cluster

Object = dict[str, Any]

PLURALS = {
    TASK_KIND: TASK_PLURAL,
    QUEUE_KIND: QUEUE_PLURAL,
    HOLD_KIND: HOLD_PLURAL,
    SCHEDULE_KIND: SCHEDULE_PLURAL,
    WORKFLOW_KIND: WORKFLOW_PLURAL,
}
TEMPLATE: Object = {"spec": {"containers": [{"name": "task", "image": "shop:1"}]}}


INVALID = 422


class Refused(Exception):
    """The API server's answer was an error. The message is its own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Server:
    """Works in one namespace. Everything it refuses is raised as Refused."""

    def __init__(self, port: int, namespace: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._base = f"/apis/{API_VERSION}/namespaces/{namespace}"

    def create(self, body: Object, *, dry_run: bool = False) -> Object:
        return self._call("POST", self._path(body["kind"]) + _query(dry_run), body)

    def get(self, kind: str, name: str) -> Object:
        return self._call("GET", self._path(kind, name))

    def list_names(self, kind: str, field_selector: str) -> list[str]:
        items = self._call("GET", f"{self._path(kind)}?fieldSelector={field_selector}")["items"]
        return [item["metadata"]["name"] for item in items]

    def patch(self, kind: str, name: str, body: Object, *, dry_run: bool = False) -> Object:
        return self._call("PATCH", self._path(kind, name) + _query(dry_run), body)

    def patch_status(self, name: str, status: Object | None, *, kind: str = TASK_KIND, dry_run: bool = False) -> Object:
        return self._call("PATCH", self._path(kind, name) + "/status" + _query(dry_run), {"status": status})

    def replace(self, body: Object, *, subresource: str = "", dry_run: bool = False) -> Object:
        path = self._path(body["kind"], body["metadata"]["name"])
        return self._call("PUT", path + subresource + _query(dry_run), body)

    def close(self) -> None:
        self._connection.close()

    def _path(self, kind: str, name: str = "") -> str:
        return f"{self._base}/{PLURALS[kind]}{'/' + name if name else ''}"

    def _call(self, method: str, path: str, body: Object | None = None) -> Object:
        kind = "merge-patch+json" if method == "PATCH" else "json"
        headers = {"Content-Type": f"application/{kind}", "Accept": "application/json"}
        # In UTF-8: escaped, a text of other scripts may be larger than what a request may be.
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        self._connection.request(method, path, data, headers)
        response = self._connection.getresponse()
        answer: Object = json.loads(response.read())
        if response.status >= 300:
            raise Refused(response.status, answer["message"])
        return answer


def is_accepted(call: Callable[[], object]) -> bool:
    """Whether a call's values pass. Raises what is refused for another reason."""
    try:
        call()
    except Refused as refused:
        if refused.code != INVALID:
            raise
        return False
    return True


@contextmanager
def serve(cluster: Cluster, namespace: str) -> Iterator[Server]:
    """Through a proxy of kubectl's, which knows every way to log in that a kubeconfig can name."""
    command = [str(cluster.kubectl_program), "--kubeconfig", str(cluster.kubeconfig), "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            line = proxy.stdout.readline()
            port = re.search(r":(\d+)$", line.strip())
            assert port, f"kubectl proxy said: {line!r}"
            server = Server(int(port[1]), namespace)
            yield server
            server.close()
        finally:
            proxy.terminate()


def task(name: str = "receipt", **spec: Any) -> Object:
    """A DjangoTask. A field that is None is left out."""
    spec = {"task": "shop.tasks.send_receipt"} | spec
    return _resource(TASK_KIND, name, {key: value for key, value in spec.items() if value is not None})


def queue(name: str = "default", **spec: Any) -> Object:
    """A DjangoTaskQueue."""
    return _resource(QUEUE_KIND, name, spec or {"template": TEMPLATE})


def hold(name: str = "default", **spec: Any) -> Object:
    """A DjangoTaskHold."""
    return _resource(HOLD_KIND, name, {"by": "jane"} | spec)


def schedule(name: str = "nightly", **spec: Any) -> Object:
    """A DjangoTaskSchedule."""
    return _resource(SCHEDULE_KIND, name, spec or {"cron": ["0 2 * * *"], "task": {"task": "shop.tasks.nightly"}})


def workflow(name: str = "flow", **spec: Any) -> Object:
    """A DjangoTaskWorkflow of one step."""
    return _resource(WORKFLOW_KIND, name, {"steps": [{"name": "a", "task": "shop.tasks.send_receipt"}]} | spec)


def _resource(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _query(dry_run: bool) -> str:
    return "?dryRun=All" if dry_run else ""
