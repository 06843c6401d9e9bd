"""Which stored task is the one of this request: the answer was lost, and the request is repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from django_tasks_kubernetes import Exponential, Fixed, Linear, Retry
from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.enqueue.new_task import marked, new_task, repeated
from django_tasks_kubernetes.kube.client import Client
from djangotasks_api.names import REQUEST_ANNOTATION
from tests.support.crd_defaults import with_defaults
from tests.unit.backend.kube.test_client import kubeconfig, status
from tests.unit.backend.tasks import attempt, echo
from tests.unit.backend.web_server import Answer, Request, Server

ECHO: Any = echo
OPTIONS: list[dict[str, Any]] = [
    {},
    {"retry": Retry()},
    {"retry": Retry(backoff=Exponential(jitter=False), on=(OSError,), never=(KeyError,))},
    {"retry": Retry(backoff=Fixed(delay=5))},
    {"retry": Retry(backoff=Linear())},
    {"timeout": 60, "ttl": timedelta(days=2), "expires": 600, "start_timeout": 5, "grace_period": 0},
    {"resources": {"memory": "2Gi"}, "node_selector": {"disk": "ssd"}},
    {"idempotency_key": "order-1", "priority": 5},
]


@pytest.fixture
def client(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda seconds: None)
    made = Client(Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, server.url), request_timeout=60))
    yield made
    made.close()


def resource_with(options: dict[str, Any]) -> Any:
    return new_task(ECHO.using(**options), (1,), {}, "default").resource


def serve(server: Server, stored: dict[str, Any] | None = None) -> list[Any]:
    """An API server that stores what is sent, with the CRD's defaults, and loses its first answer."""
    objects: list[Any] = [] if stored is None else [stored]

    def answer(request: Request) -> Answer:
        if request.method == "GET":
            return 200, objects[0], {}
        if objects:
            return status(409, "already exists", name="t1", kind="djangotasks")
        objects.append(with_defaults(request.body))
        return None

    server.answer = answer
    return objects


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "of an older version"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_task_is_known_as_ones_own(server: Server, client: Client, options: dict[str, Any], marked: bool) -> None:
    objects, resource = serve(server), resource_with(options)
    if not marked:
        del resource["metadata"]["annotations"]
    assert client.create(resource) is None
    assert len(objects) == 1
    assert client.create(resource) is None


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_row_of_the_outbox_is_known_again(server: Server, client: Client, options: dict[str, Any]) -> None:
    serve(server)
    resource = resource_with(options)
    client.create(resource)
    assert client.create(json.loads(json.dumps(resource))) is None


def test_a_repetition_is_known_as_ones_own(server: Server, client: Client) -> None:
    ended = with_defaults(resource_with({"retry": Retry()})) | {"status": {"phase": "Succeeded"}}
    again = marked(repeated(ended, datetime.now().astimezone()))
    serve(server)
    assert client.create(again) is None
    assert again["metadata"]["annotations"][REQUEST_ANNOTATION] != ended["metadata"]["annotations"][REQUEST_ANNOTATION]


@pytest.mark.parametrize(
    "change",
    [
        {"task": attempt.module_path},
        {"payload": '{"args":[2],"kwargs":{}}'},
        {"policy": {"maxAttempts": 3, "backoff": {"initialSeconds": 2.0}}},
        {"enqueuedAt": "2026-11-23T12:00:00.000001Z"},
    ],
)
@pytest.mark.parametrize("marked", [True, False])
def test_another_task_of_the_name_is_none_of_ones_own(
    server: Server, client: Client, change: dict[str, Any], marked: bool
) -> None:
    resource = resource_with({"retry": Retry()})
    other = deepcopy(resource)
    other["spec"] |= change
    other["metadata"]["annotations"] = {REQUEST_ANNOTATION: "another"} if marked else {}
    serve(server, with_defaults(other))
    with pytest.raises(e.TaskRefused, match="already exists"):
        client.create(resource)


def test_the_same_call_made_twice_is_two_requests(server: Server, client: Client) -> None:
    """With the same key and, by chance, at the same microsecond."""
    first = resource_with({"idempotency_key": "order-1"})
    second = deepcopy(first)
    second["metadata"]["annotations"] = {REQUEST_ANNOTATION: "another"}
    stored = with_defaults(first)
    serve(server, stored)
    assert client.create(second) == stored
