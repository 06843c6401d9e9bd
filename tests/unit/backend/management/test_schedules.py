"""`manage.py schedules`: with a cluster, and without one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_tasks_kubernetes import schedules
from django_tasks_kubernetes.management import schedules as commands
from django_tasks_kubernetes.schedule_checks import check_schedules
from django_tasks_kubernetes.schedules import declare
from django_tasks_kubernetes.schedules.discover import Discovery
from django_tasks_kubernetes.schedules.registry import Registry
from tests.unit.backend import tasks
from tests.unit.backend.kube.test_client import kubeconfig, status
from tests.unit.backend.schedule_resources import schedule_resource
from tests.unit.backend.web_server import Answer, Request, Server

LOCAL = {"BACKEND": "django_tasks_kubernetes.LocalBackend", "QUEUES": []}
IMMEDIATE = {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend", "QUEUES": []}


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """With one schedule."""
    registry = Registry()
    monkeypatch.setattr(declare, "declared", registry)
    monkeypatch.setattr(commands, "declared", registry)
    schedules.schedule.every(minutes=5, name="five", args=[1])(tasks.echo)
    return registry


@pytest.fixture
def cluster(server: Server, tmp_path: Path) -> Iterator[Server]:
    """Two aliases of one namespace, with two schedules in it."""
    found = (schedule_resource("five", project="tests", cron=None, everyMinutes=7), schedule_resource())
    there = {one["metadata"]["name"]: one for one in found}

    def answer(request: Request) -> Answer:
        name = urlsplit(request.path).path.rpartition("/")[2]
        match request.method, name:
            case "GET", "djangotaskschedules":
                return 200, {"metadata": {}, "items": list(there.values())}, {}
            case "GET", _ if name not in there:
                kind = urlsplit(request.path).path.split("/")[-2]
                return status(404, "not found", kind=kind, name=name)
            case "GET", _:
                return 200, there[name], {}
            case "PATCH", _ if "fieldManager=djangotasks-command" in request.path:
                return 200, there[name], {}
            case _:
                return 200 if request.method == "DELETE" else 201, request.body, {}

    server.answer = answer
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "RETRIES": 0}
    backend = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}
    with override_settings(TASKS={"default": backend, "second": backend, "third": IMMEDIATE}):
        yield server


def manage(*words: str) -> int:
    try:
        call_command("schedules", *words)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def requests(server: Server) -> list[tuple[str, str]]:
    return [(request.method, urlsplit(request.path).path.rpartition("/")[2]) for request in server.requests]


def test_sync_asks_each_namespace_once(cluster: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert manage("sync", "--prune") == 0
    assert requests(cluster) == [("GET", "djangotaskschedules"), ("PATCH", "five")]
    assert cluster.requests[1].body["metadata"]["labels"] == {"djangotasks.dev/declared-by": "tests"}
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["five", "changed"]


def test_sync_prunes_those_of_the_named_project(cluster: Server, registry: Registry) -> None:
    registry._declared.clear()
    assert manage("sync", "--prune", "--declared-by", "shop") == 0
    assert requests(cluster)[1:] == [("DELETE", "nightly")]


def test_sync_of_one_backend_leaves_those_of_another(cluster: Server, registry: Registry) -> None:
    registry._declared.clear()
    schedules.schedule("@daily", name="nightly")(tasks.echo.using(backend="second"))
    assert manage("sync", "--prune", "--declared-by", "shop", "--backend", "second") == 0
    assert requests(cluster)[1:] == [("PATCH", "nightly")]
    assert manage("sync", "--prune", "--declared-by", "tests", "--backend", "second") == 1
    assert ("DELETE", "five") not in requests(cluster)
    assert manage("sync", "--prune", "--declared-by", "tests", "--backend", "default") == 0
    assert requests(cluster)[-1] == ("DELETE", "five")


@pytest.mark.parametrize("verb", ["sync", "diff", "yaml", "loop"])
def test_wrong_schedules_are_not_synced(cluster: Server, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    schedules.schedule("0 25 * * *", name="wrong")(tasks.echo)
    assert manage(verb) == 2
    assert requests(cluster) == []
    err = capsys.readouterr().err
    assert "Schedule wrong of tests.unit.backend.tasks.echo: '0 25 * * *': '25' is not an hour (0 to 23)." in err


def test_nothing_is_synced_while_a_module_cannot_be_imported(
    cluster: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "discover", lambda: Discovery(failed={"shop.tasks": ValueError("no")}))
    assert manage("sync", "--prune") == 2
    assert requests(cluster) == []
    assert capsys.readouterr().err == "shop.tasks cannot be imported: ValueError: no\n"


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["list"], [("GET", "djangotaskschedules")]),
        (["suspend", "five"], [("GET", "five"), ("PATCH", "five")]),
        (["resume", "five"], [("GET", "five"), ("PATCH", "five")]),
        (["run", "five"], [("GET", "five"), ("POST", "djangotasks")]),
        (
            ["backfill", "nightly", "--from", "2026-10-24", "--to", "2026-10-24", "--yes"],
            [("GET", "nightly"), ("GET", "nightly-202610240000"), ("POST", "djangotasks")],
        ),
    ],
    ids=lambda value: value[0] if isinstance(value[0], str) else "",
)
def test_verbs_ask_the_cluster(cluster: Server, words: list[str], sent: list[tuple[str, str]]) -> None:
    assert manage(*words) == 0
    assert requests(cluster) == sent


@pytest.mark.parametrize("name", ["", "a b", "-a", "x" * 64])
def test_the_project_must_be_a_label(cluster: Server, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert manage("diff", f"--declared-by={name}") == 2
    assert "--declared-by must be the value of a label, such as shop" in capsys.readouterr().err


@pytest.mark.parametrize("backend", [LOCAL, IMMEDIATE])
def test_without_a_cluster_the_code_is_listed(backend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with override_settings(TASKS={"default": backend}):
        assert manage("list", "--next", "2", "--json") == 0
        (found,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert (found["name"], len(found["next"])) == ("five", 2)
        assert manage("run", "five") == 0
        assert capsys.readouterr().out.startswith("five: enqueued as ")
        assert manage("run", "six") == 1
        assert capsys.readouterr().err == "The project declares no schedule 'six'.\n"


@pytest.mark.parametrize("words", [["sync"], ["suspend", "five"]])
def test_without_a_cluster_nothing_can_be_synced(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with override_settings(TASKS={"default": LOCAL}):
        assert manage(*words) == 2
    assert "TASKS names no backend with a cluster" in capsys.readouterr().err


def test_yaml_needs_no_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    with override_settings(TASKS={"default": LOCAL}):
        assert manage("yaml") == 0
    assert "everyMinutes: 5" in capsys.readouterr().out


@pytest.mark.parametrize(("verb", "code"), [("sync", 0), ("diff", 0), ("yaml", 0)])
def test_schedules_of_a_backend_without_a_cluster_are_named(
    cluster: Server, capsys: pytest.CaptureFixture[str], registry: Registry, verb: str, code: int
) -> None:
    registry._declared.clear()
    schedules.schedule.every(minutes=5, name="nobodys")(tasks.echo.using(backend="third"))
    assert manage(verb) == code
    out, err = capsys.readouterr()
    assert "have no cluster, so that only `schedules loop` enqueues them: nobodys." in err
    assert "declares no schedules" not in err
    assert "nobodys" not in out
    assert "PATCH" not in dict(requests(cluster))


def test_a_check_warns_of_a_backend_without_a_cluster(
    cluster: Server, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry._declared.clear()
    monkeypatch.setattr("django_tasks_kubernetes.schedules.registry.declared", registry)
    monkeypatch.setattr("django_tasks_kubernetes.schedules.discover.discover", Discovery)
    schedules.schedule.every(minutes=5, name="nobodys")(tasks.echo.using(backend="third"))
    schedules.schedule.every(minutes=5, name="synced")(tasks.echo)
    (warning,) = check_schedules()
    assert (warning.id, "TASKS['third'] has no cluster" in warning.msg) == ("djangotasks.W004", True)
    assert warning.hint == "Name a backend that has one: @task(backend='default')."
    assert warning.obj == "Schedule nobodys of tests.unit.backend.tasks.echo"
    with override_settings(TASKS={"default": LOCAL, "third": IMMEDIATE}):
        assert list(check_schedules()) == []


def test_a_backend_that_is_none() -> None:
    with pytest.raises(CommandError, match="TASKS has no backend 'other'"):
        manage("list", "--backend", "other")


def test_without_a_verb_the_verbs_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert manage() == 2
    assert "make the schedules in the cluster what the code says" in capsys.readouterr().out


def test_loop_goes_on_after_a_task_that_raises(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> None:
    from django_tasks_kubernetes.beat import Beat, Due
    from django_tasks_kubernetes.schedules.definition import Schedule
    from tests.unit.backend.test_beat import START

    def ticks(beat: Beat) -> Iterator[Due]:
        for schedule, _ in beat.timings:
            yield Due(schedule, START)

    closed: list[str] = []
    monkeypatch.setattr(commands, "close_old_connections", lambda: closed.append("closed"))
    monkeypatch.setattr(Beat, "ticks", ticks)
    wrong = Schedule(task=tasks.echo, name="wrong", every_minutes=1, args=(object(),))
    with override_settings(TASKS={"default": LOCAL}):
        first, second = commands.loop([wrong, *registry])
    assert (first.id, first.problem) == (None, "TypeError: args[0]: object is not JSON.")
    assert second.id == "five-202611291159"
    # Nobody has used them since the last task, which may have been hours ago.
    assert closed == ["closed", "closed"]
