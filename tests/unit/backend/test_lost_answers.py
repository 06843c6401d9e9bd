"""From enqueue() to the client: a task that was created, and whose answer was lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from django_tasks_kubernetes import Retry
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.relay import Relayed, relay
from django_tasks_kubernetes.stores import cluster
from djangotasks_api.names import REQUEST_ANNOTATION
from tests.support.crd_defaults import with_defaults
from tests.unit.backend import tasks
from tests.unit.backend.kube.test_client import kubeconfig, status
from tests.unit.backend.large_data import LONG
from tests.unit.backend.web_server import Answer, Request, Server

pytestmark = pytest.mark.django_db(transaction=True)
ECHO: Any = tasks.echo


@pytest.fixture
def mode() -> str:
    return "outbox"


@pytest.fixture
def stored(server: Server, folder: Path, tmp_path: Path, mode: str) -> Iterator[dict[str, Any]]:
    """The tasks of an API server which creates them, and closes the connection before it answers."""
    found: dict[str, Any] = {}

    def answer(request: Request) -> Answer:
        if request.method == "GET":
            return 200, found[request.path.rpartition("/")[2]], {}
        name = request.body["metadata"]["name"]
        if name in found:
            return status(409, "already exists", name=name, kind="djangotasks")
        found[name] = with_defaults(request.body)
        return None

    server.answer = answer
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "RETRIES": 1}
    options |= {"ENQUEUE": mode, "STORAGE": "tasks"}
    backend = settings.TASKS["default"] | {"OPTIONS": options}
    with pytest.MonkeyPatch.context() as patch, override_settings(TASKS={"default": backend}):
        patch.setattr("urllib3.util.retry.time.sleep", lambda seconds: None)
        patch.setattr(cluster, "_stores", {})
        yield found
        for store in cluster._stores.values():
            store.close()


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "of an older version"])
def test_relay_recognises_a_task_whose_answer_was_lost(stored: dict[str, Any], folder: Path, marked: bool) -> None:
    result = ECHO.using(retry=Retry()).enqueue(LONG)
    (row,) = OutboxTask.objects.all()
    assert [*stored] == [row.pk] == [result.id]
    if not marked:
        resource = json.loads(row.resource)
        del resource["metadata"]["annotations"][REQUEST_ANNOTATION]
        del stored[row.pk]["metadata"]["annotations"][REQUEST_ANNOTATION]
        row.resource = json.dumps(resource)
    row.next_try_at = row.created_at
    row.save()
    assert relay("default") == Relayed(sent=1)
    assert not OutboxTask.objects.exists()
    assert LONG in payload_of(stored[result.id], folder)


@pytest.mark.parametrize("mode", ["immediate", "on_commit"])
def test_enqueue_keeps_the_payload_of_a_task_whose_answer_was_lost(
    stored: dict[str, Any], folder: Path, server: Server
) -> None:
    result = ECHO.using(retry=Retry()).enqueue(LONG)
    assert [request.method for request in server.requests] == ["POST", "POST", "GET"]
    assert LONG in payload_of(stored[result.id], folder)


def payload_of(task: dict[str, Any], folder: Path) -> str:
    path: Path = folder / task["spec"]["payloadRef"]["name"]
    return path.read_text()
