"""What a follower records, with an API server on the loopback."""

from typing import Any

import pytest
from django.db import InternalError, OperationalError
from django.tasks import task_backends

from django_tasks_kubernetes.exceptions import PermissionDenied
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.notify import follower as follower_module
from django_tasks_kubernetes.notify.follower import ENDED, Follower
from djangotasks_api.phases import TERMINAL_PHASES, Phase
from tests.unit.backend.kube.test_client import status
from tests.unit.backend.notify.scripted_api import api, named
from tests.unit.backend.notify.test_ends import AT, attempt, failure
from tests.unit.backend.notify.test_ends import resource as some_resource
from tests.unit.backend.web_server import Answer, Request, Server


def follower(client: Client) -> Follower:
    backend: Any = task_backends["default"]
    return Follower(backend, client, "default")


OOM, DONE = failure("OOMKilled", attempt(1, "OOMKilled")), some_resource("Succeeded", attempt(1), finishedAt=AT)


def test_follower_records_existing_ends_and_then_changes(server: Server, client: Client, recorded: list[Any]) -> None:
    running, retrying = some_resource("Running", attempt(1)), some_resource("Retrying", attempt(1, "Evicted"))
    changes = [
        ("ADDED", named("new", some_resource("Queued"))),
        ("MODIFIED", named("old", OOM)),
        ("MODIFIED", named("new", running)),
        ("MODIFIED", named("new", retrying)),
        ("MODIFIED", named("new", some_resource("Running", attempt(1, "Evicted"), attempt(2)))),
        ("DELETED", named("unfinished", running)),
    ]
    server.answer = api(
        [named("old", OOM)], changes, [("MODIFIED", named("new", DONE)), ("DELETED", named("old", OOM))]
    )
    following_thread = follower(client)
    following_thread.run()
    assert recorded == [
        [("old", "Failed")],
        [("new", "Retrying")],
        [("unfinished", "Cancelled")],
        [("new", "Succeeded")],
    ]
    assert isinstance(following_thread.error, PermissionDenied)


def test_follower_retries_while_the_database_is_unavailable(
    server: Server, client: Client, recorded: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "RETRY_SECONDS", 0)
    server.answer = api([], [("MODIFIED", named("a", OOM)), ("MODIFIED", named("b", DONE))])
    note, left = vars(follower_module)["record"], [OperationalError("away"), InternalError("a read-only transaction")]

    def away(*args: Any, **kwargs: Any) -> Any:
        if left:
            raise left.pop()
        return note(*args, **kwargs)

    monkeypatch.setattr(follower_module, "record", away)
    follower(client).run()
    assert recorded == [[("a", "Failed")], [("b", "Succeeded")]]


def test_follower_lets_go_of_a_connection_that_was_idle(
    server: Server, client: Client, recorded: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write over one that a network has dropped would hang, and end the process."""
    done: list[int] = []
    monkeypatch.setattr(follower_module, "close_old_connections", lambda: done.append(len(recorded)))
    server.answer = api([named("a", OOM)], [("MODIFIED", named("b", DONE)), ("MODIFIED", named("c", DONE))])
    monkeypatch.setattr(follower_module, "IDLE_SECONDS", 0)
    follower(client).run()
    assert (done, len(recorded)) == ([1, 2], 3)
    monkeypatch.setattr(follower_module, "IDLE_SECONDS", 60)
    follower(client).run()
    assert done == [1, 2]


def test_follower_retries_a_list_while_the_api_server_is_unavailable(
    server: Server, client: Client, recorded: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "RETRY_SECONDS", 0)
    good, left = api([named("a", OOM)]), [status(503, "starting"), status(503, "starting")]

    def answer(request: Request) -> Answer:
        return left.pop() if left and "fieldSelector" in request.path else good(request)

    server.answer = answer
    following_thread = follower(client)
    following_thread.run()
    assert (recorded, left) == ([[("a", "Failed")]], [])
    assert isinstance(following_thread.error, PermissionDenied)


def test_follower_selector_excludes_only_phases_without_an_end() -> None:
    left_out = {term.removeprefix("status.phase!=") for term in ENDED.split(",")}
    assert left_out == {*Phase} - TERMINAL_PHASES - {Phase.RETRYING}
