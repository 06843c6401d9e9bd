"""Followers and the loop, with an API server on the loopback: what is noted, and that nothing hangs unseen."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.tasks import task_backends
from django.test import override_settings

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.client import Client, connect
from django_tasks_kubernetes.daemon import Daemon
from django_tasks_kubernetes.exceptions import PermissionDenied
from django_tasks_kubernetes.watcher import follow as follow_module
from django_tasks_kubernetes.watcher import inbox
from django_tasks_kubernetes.watcher import loop as loop_module
from django_tasks_kubernetes.watcher.follow import ENDED, Follower
from django_tasks_kubernetes.watcher.loop import Broken, Loop
from django_tasks_kubernetes.watching import following
from djangotasks_api.phases import TERMINAL_PHASES, Phase
from tests.unit.backend.conftest import Answer, Request, Server
from tests.unit.backend.tasks import echo
from tests.unit.backend.test_client import kubeconfig, status
from tests.unit.backend.test_watcher_events import AT, attempt, failure
from tests.unit.backend.test_watcher_events import resource as some_resource

DENIED = status(403, 'djangotasks is forbidden: User "u" cannot watch resource')
NEWEST: Answer = (200, {"metadata": {"resourceVersion": "5"}, "items": []}, {})


@pytest.fixture
def client(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(following, "FIRST_WAIT", 0.001)
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "RETRIES": 0}
    backend = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}
    with override_settings(TASKS={"default": backend, "other": backend}):
        found: Any = task_backends["default"]
        made = connect(found.parsed_options)
        yield made
        made.close()


def named(name: str, given: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "6"}
    return given | {"metadata": metadata, "spec": {"task": echo.module_path}}


def api(listed: list[Any], *watched: list[tuple[str, Any]], then: Answer = DENIED) -> Callable[[Request], Answer]:
    """A list, and watches one after the other; at last the answer that ends it."""
    left = [iter([{"type": type_, "object": resource} for type_, resource in events]) for events in watched]

    def answer(request: Request) -> Answer:
        query = parse_qs(urlsplit(request.path).query)
        if "watch" in query:
            return (200, left.pop(0), {}) if left else then
        if query["limit"] == ["1"]:
            return NEWEST
        assert query["fieldSelector"] == [ENDED]
        return 200, {"metadata": {}, "items": listed}, {}

    return answer


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[str, str]]]:
    """The names and phases of what went into the inbox, call by call."""
    found: list[list[tuple[str, str]]] = []

    def note(backend: Any, resources: list[Any], using: str, *, as_told: bool) -> None:
        found.append([(r["metadata"]["name"], str(r["status"]["phase"])) for r in resources])

    monkeypatch.setattr(follow_module, "note", note)
    return found


def follower(client: Client) -> Follower:
    backend: Any = task_backends["default"]
    return Follower(backend, client, "default")


OOM, DONE = failure("OOMKilled", attempt(1, "OOMKilled")), some_resource("Succeeded", attempt(1), finishedAt=AT)


def test_what_is_there_and_then_what_changes(server: Server, client: Client, noted: list[Any]) -> None:
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
    following = follower(client)
    following.run()
    assert noted == [[("old", "Failed")], [("new", "Retrying")], [("unfinished", "Cancelled")], [("new", "Succeeded")]]
    assert isinstance(following.error, PermissionDenied)


def test_a_database_that_is_away_loses_nothing(
    server: Server, client: Client, noted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_module, "AGAIN_SECONDS", 0)
    server.answer = api([], [("MODIFIED", named("a", OOM)), ("MODIFIED", named("b", DONE))])
    note, left = vars(follow_module)["note"], [OperationalError("away"), OperationalError("away")]

    def away(*args: Any, **kwargs: Any) -> Any:
        if left:
            raise left.pop()
        return note(*args, **kwargs)

    monkeypatch.setattr(follow_module, "note", away)
    follower(client).run()
    assert noted == [[("a", "Failed")], [("b", "Succeeded")]]


def test_an_api_server_that_is_away_while_it_lists(
    server: Server, client: Client, noted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_module, "AGAIN_SECONDS", 0)
    good, left = api([named("a", OOM)]), [status(503, "starting"), status(503, "starting")]

    def answer(request: Request) -> Answer:
        return left.pop() if left and "fieldSelector" in request.path else good(request)

    server.answer = answer
    following = follower(client)
    following.run()
    assert (noted, left) == ([[("a", "Failed")]], [])
    assert isinstance(following.error, PermissionDenied)


def test_the_selector_leaves_out_only_what_has_nothing_to_tell() -> None:
    left_out = {term.removeprefix("status.phase!=") for term in ENDED.split(",")}
    assert left_out == {*Phase} - TERMINAL_PHASES - {Phase.RETRYING}


@pytest.fixture
def loop(client: Client, monkeypatch: pytest.MonkeyPatch) -> Loop:
    monkeypatch.setattr(loop_module, "STOP_SECONDS", 0.01)
    monkeypatch.setattr(loop_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(inbox, "tell_next", lambda backends, using: False)
    monkeypatch.setattr(loop_module.Loop, "_prune", lambda self, follower: None)
    backends: Any = [task_backends["default"], task_backends["other"]]
    return Loop(backends, "default", Daemon(hang_seconds=0))


def test_backends_that_lead_to_one_namespace_share_a_follower(loop: Loop) -> None:
    assert len(loop.followers) == 1


def test_a_right_that_is_missing_ends_it(server: Server, loop: Loop, noted: list[Any]) -> None:
    server.answer = api([])
    with pytest.raises(Broken, match=r"Watching the DjangoTasks of shop ended: .*cannot watch resource"):
        loop.run()


def test_an_api_server_that_stays_away_ends_it(
    server: Server, loop: Loop, noted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "AWAY_MAX_SECONDS", 0.05)
    server.answer = lambda request: status(503, "starting")
    with pytest.raises(Broken, match="has not been possible for"):
        loop.run()


def test_a_database_that_stays_away_ends_it(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(backends: Any, using: str) -> bool:
        raise OperationalError("could not connect")

    monkeypatch.setattr(loop_module, "AWAY_MAX_SECONDS", 0.05)
    monkeypatch.setattr(inbox, "tell_next", away)
    monkeypatch.setattr(Follower, "start", lambda self: None)
    with pytest.raises(Broken, match=r"The database has not answered for .*could not connect"):
        loop.run()


def test_a_database_that_stops_answering_a_follower_ends_it(
    server: Server, loop: Loop, noted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon would not see it: the thread that it looks at gets its answers."""
    server.answer = api([named("a", OOM)])
    answered = threading.Event()
    monkeypatch.setattr(follow_module, "note", lambda *args, **kwargs: answered.wait(30))
    monkeypatch.setattr(Daemon, "_watch", lambda self, beside: None)
    loop._daemon.hang_seconds = 0.05
    with pytest.raises(Broken, match="DjangoTasks of shop: the database has not answered"):
        loop.run()
    answered.set()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--backend", "elsewhere"), "TASKS has no backend 'elsewhere'. There are: default, other."),
        (("--database", "default"), "has no table django_tasks_kubernetes_taskevent. Run manage.py migrate."),
        (("--once", "--from-now"), "not allowed with argument"),
    ],
)
def test_what_the_command_refuses(
    client: Client, arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_tasks_kubernetes.management.commands import watch_tasks

    tables = [] if "migrate" in words else ["django_tasks_kubernetes_taskevent"]
    monkeypatch.setattr(watch_tasks, "table_names", lambda database: tables)
    with pytest.raises(CommandError, match=words):
        call_command("watch_tasks", *arguments)


@pytest.mark.django_db
def test_where_nobody_listens_it_says_so(server: Server, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = lambda request: (200, {"metadata": {}, "items": []}, {})
    assert not signals.task_ended.receivers
    call_command("watch_tasks", "--once")
    assert "No receiver of task_ended or task_attempt_failed is connected" in capsys.readouterr().err
