"""The two command lines made of the table, against an HTTP server: the same verbs, output and exit codes."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_tasks_kubernetes.cli import kubectl
from tests.unit.backend.cli.conftest import ONE
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import Server

type Run = Callable[..., int]


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
            return 2 if str(error).startswith("Error: ") else error.returncode
        return 0

    with override_settings(TASKS={"default": tasks}):
        yield manage


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["list"], 0, "tests.unit.backend.tasks.echo", ""),
        (["list", "--status", "RUNNING"], 0, "", "No tasks in namespace shop."),
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
        (["workflows", "list"], 0, "shop.flows.report", ""),
        (["workflows", "list", "--status", "queued"], 2, "", "queued"),
        (["workflows", "show", "flow"], 0, "└─ render", ""),
        (["workflows", "show", "nope"], 1, "", "There is no workflow 'nope'."),
        (["workflows", "cancel", "flow"], 1, "", "flow is finished already: Failed."),
        (["workflows", "watch", "flow", "--timeout", "20"], 1, "render  Failed  10/10", ""),
        (["workflows", "logs", "flow", "alert"], 0, "a line", ""),
        (["workflows", "logs", "flow", "render"], 2, "", "say which, such as 'render[3]'"),
        (["workflows", "logs", "flow"], 2, "", ""),
        (["workflows"], 2, "", ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_both_command_lines_write_and_end_the_same(
    run: Run, words: list[str], code: int, out: str, err: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == code
    said = capfd.readouterr()
    assert out in said.out
    assert err in said.err
    assert "Traceback (most" not in said.err


def test_retry_enqueues_a_copy(run: Run, cluster: Server, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("retry", "one", "-ojson") == 0
    (created,) = [request.body for request in cluster.requests if request.method == "POST"]
    assert created["spec"]["retryOf"] == "one"
    assert {**created["spec"], "enqueuedAt": "", "retryOf": ""} == {**ONE["spec"], "enqueuedAt": "", "retryOf": ""}
    assert datetime.fromisoformat(created["spec"]["enqueuedAt"]) > datetime.fromisoformat("2026-11-23T12:00:00Z")
    assert json.loads(capfd.readouterr().out)["id"] == created["metadata"]["name"]
