"""The two shells, against an HTTP server: the same verbs, their options, and their exit codes."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_tasks_kubernetes.cli import kubectl
from tests.unit.backend.cli.resources import FAILED, resource
from tests.unit.backend.conftest import Answer, Request, Server
from tests.unit.backend.test_client import kubeconfig, status

ONE = resource(
    "one", spec={"task": "tests.unit.backend.tasks.echo"}, phase="Failed", reason="TaskError", attempts=[FAILED]
)
STORED = resource("stored", spec={"payload": "", "payloadRef": {"storage": "files", "name": "x"}}, phase="Failed")
type Run = Callable[..., int]


@pytest.fixture
def cluster(server: Server) -> Server:
    """Has two tasks, and takes all that is created and changed."""
    tasks = {one["metadata"]["name"]: one for one in (ONE, STORED)}

    def answer(request: Request) -> Answer:
        path = urlsplit(request.path).path
        name = path.rpartition("/")[2]
        match request.method, name:
            case "GET", "djangotasks":
                return 200, {"metadata": {"resourceVersion": "1"}, "items": list(tasks.values())}, {}
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

    server.answer = answer
    return server


@pytest.fixture(params=["kubectl", "manage.py"])
def run(request: pytest.FixtureRequest, cluster: Server, tmp_path: Path) -> Iterator[Run]:
    """Runs a command line, and returns its exit code."""
    config = kubeconfig(tmp_path, cluster.url, namespace="shop")
    if request.param == "kubectl":
        yield lambda *words: kubectl.main([*words, "--kubeconfig", config])
        return
    options = {"NAMESPACE": "shop", "KUBECONFIG": config, "RETRIES": 0}
    tasks = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}

    def manage(*words: str) -> int:
        try:
            call_command("tasks", *("--json" if word == "-ojson" else word for word in words))
        except SystemExit as end:
            return int(end.code or 0)
        except CommandError as error:
            print(error, file=sys.stderr)
            # From a command line, the parser itself ends the process, with 2.
            return 2 if str(error).startswith("Error: argument") else error.returncode
        return 0

    with override_settings(TASKS={"default": tasks}):
        yield manage


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["list"], 0, "tests.unit.backend.tasks.echo", ""),
        (["list", "--status", "RUNNING"], 0, "", "No tasks."),
        (["list", "--status", "bogus"], 2, "", "bogus"),
        (["list", "--limit", "-1"], 2, "", ""),
        (["list", "--queue", "a,b"], 2, "", "--queue must be a name"),
        (["show", "one"], 0, "KeyError: 'x'", ""),
        (["show", "one", "nope"], 1, "KeyError: 'x'", "There is no task 'nope'."),
        (["cancel", "one"], 1, "", "one is finished already"),
        (["logs", "one"], 0, "a line", ""),
        (["logs", "nope"], 1, "", "There is no task 'nope'."),
        (["logs", "one", "--attempt", "0"], 2, "", ""),
        (["watch", "one", "--timeout", "20"], 1, "", ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_they_say_and_end_the_same(
    run: Run, words: list[str], code: int, out: str, err: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == code
    said = capfd.readouterr()
    assert out in said.out
    assert err in said.err
    assert "Traceback (most" not in said.err


def test_retry_enqueues_what_the_old_one_was(run: Run, cluster: Server, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("retry", "one", "-ojson") == 0
    (created,) = [request.body for request in cluster.requests if request.method == "POST"]
    assert created["spec"]["retryOf"] == "one"
    assert {**created["spec"], "enqueuedAt": "", "retryOf": ""} == {**ONE["spec"], "enqueuedAt": "", "retryOf": ""}
    assert datetime.fromisoformat(created["spec"]["enqueuedAt"]) > datetime.fromisoformat("2026-11-23T12:00:00Z")
    assert json.loads(capfd.readouterr().out)["id"] == created["metadata"]["name"]


def kube(cluster: Server, folder: Path, *words: str, namespace: str | None = None) -> int:
    return kubectl.main([*words, "--kubeconfig", kubeconfig(folder, cluster.url, namespace=namespace)])


def test_kubectl_does_not_copy_a_file_of_the_project(
    cluster: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kube(cluster, tmp_path, "retry", "stored") == 1
    assert "manage.py tasks retry stored" in capfd.readouterr().err
    assert not [request for request in cluster.requests if request.method == "POST"]


@pytest.mark.parametrize(
    ("words", "namespace"),
    [
        (["list"], "namespaces/from-context/djangotasks"),
        (["list", "-n", "mine"], "namespaces/mine/djangotasks"),
        (["-n", "outer", "list"], "namespaces/outer/djangotasks"),
        (["-n", "outer", "list", "-n", "inner"], "namespaces/inner/djangotasks"),
        (["list", "--context", "two"], "namespaces/second/djangotasks"),
        (["list", "-A"], "v1alpha1/djangotasks"),
        (["list", "-A", "-n", "mine"], "v1alpha1/djangotasks"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_kubectls_flags(cluster: Server, tmp_path: Path, words: list[str], namespace: str) -> None:
    assert kube(cluster, tmp_path, *words, namespace="from-context") == 0
    path = urlsplit(cluster.requests[-1].path).path
    assert path.endswith(namespace)
    assert ("namespaces" in path) is ("namespaces" in namespace)


def test_in_all_namespaces_each_is_named(cluster: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert kube(cluster, tmp_path, "list", "-A", "-o", "wide") == 0
    heading, *rows = capfd.readouterr().out.splitlines()
    assert heading.startswith("NAMESPACE   ID")
    assert "FINISHED" in heading
    assert all(row.startswith("shop        ") for row in rows)
    assert kube(cluster, tmp_path, "list", "-o", "name") == 0
    assert capfd.readouterr().out.splitlines() == [f"djangotask.djangotasks.dev/{name}" for name in ("stored", "one")]


@pytest.mark.parametrize(
    ("words", "err"),
    [
        (["list", "-n", "../x"], "cannot be a namespace"),
        (["watch", "one", "-A"], "Ids are of one namespace"),
        (["list", "--context", "no-such"], "No usable credentials"),
        (["frobnicate"], "No such command"),
        (["show"], "Missing argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_kubectl_cannot_do(
    cluster: Server, tmp_path: Path, words: list[str], err: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kube(cluster, tmp_path, *words) in (1, 2)
    assert err in capfd.readouterr().err


def test_kubectl_completes(cluster: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, cluster.url))
    assert [line.partition("\t")[0] for line in kubectl.complete(["l"])] == ["list", "logs", ":4"]
    assert list(kubectl.complete(["show", "-n", "shop", "o"])) == ["one", ":4"]
    assert list(kubectl.complete(["list", "--status", "ca"])) == ["cancelled", ":4"]
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert list(kubectl.complete(["show", "o"])) == [":4"], "what cannot be had is no reason to complain"


def test_the_kubeconfig_of_the_environment_is_taken(
    cluster: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, cluster.url))
    assert kubectl.main(["list"]) == 0
    assert "/namespaces/default/djangotasks?" in cluster.requests[-1].path


SCRIPT = """
import os, sys
os.environ.pop("DJANGO_SETTINGS_MODULE", None)
from django_tasks_kubernetes.cli.kubectl import main
from django.conf import settings
for words in ("list", "show one", "retry one", "logs one", "cancel one", "watch one"):
    print(words, main([*words.split(), "--kubeconfig", sys.argv[1]]))
assert not settings.configured
"""


def test_kubectl_needs_no_settings(cluster: Server, tmp_path: Path) -> None:
    config = kubeconfig(tmp_path, cluster.url, namespace="shop")
    done = subprocess.run([sys.executable, "-c", SCRIPT, config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ends = ["list 0", "show one 0", "retry one 0", "logs one 0", "cancel one 1", "watch one 1"]
    assert [line for line in done.stdout.splitlines() if line in ends] == ends


PROBE = """
import sys
import django
django.setup()
import django_tasks_kubernetes.client, django_tasks_kubernetes.runner.__main__
from django.tasks import task_backends
task_backends["default"].check()
print({"rich", "click"} & sys.modules.keys())
"""


def test_nobody_else_imports_the_tools_of_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["manage.py", "tasks", "c"], "cancel completion"),
        (["manage.py", "tasks", "list", "--l"], "--limit"),
        (["python", "manage.py", "tasks", "logs", "--f"], "--follow"),
        (["manage.py", "tas"], "tasks"),
        (["manage.py", "migrate", "--"], "of Django"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bash_completes(words: list[str], completed: str, capfd: pytest.CaptureFixture[str]) -> None:
    call_command("tasks", "completion", "bash")
    script = capfd.readouterr().out
    ask = f'_django_completion() {{ COMPREPLY=("of Django"); }}; COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; '
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{ask} _djangotasks_completion; echo "${{COMPREPLY[*]}}"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == completed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backend", "other"], "TASKS has no backend 'other'"),
        (["--backend", "dummy"], "that runs tasks on Kubernetes"),
    ],
)
def test_a_backend_that_is_none_of_ours(words: list[str], message: str) -> None:
    dummy = {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}
    with override_settings(TASKS={"default": dummy, "dummy": dummy}), pytest.raises(CommandError, match=message):
        call_command("tasks", "list", *words)


def test_tasklogs_is_tasks_logs(cluster: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, cluster.url)}
    tasks = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "OPTIONS": options}
    with override_settings(TASKS={"default": tasks}):
        call_command("tasklogs", "one", "--tail", "5")
    assert capfd.readouterr().out == "a line\n"
