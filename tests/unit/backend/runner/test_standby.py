"""A standby pod's process: what it does before there is a task, how it asks, and when it gives up."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from django_tasks_kubernetes.exceptions import ClusterNotConfigured
from django_tasks_kubernetes.runner import standby
from django_tasks_kubernetes.runner.__main__ import main
from django_tasks_kubernetes.runner.process import Terminated, Termination
from djangotasks_api.assignment import Assignment
from djangotasks_api.outcome import Outcome
from djangotasks_api.standby import StandbyAccess
from tests.unit.backend.pod import HERE, Pod
from tests.unit.backend.web_server import Server, serve

NEXT = "/v1/standbys/shop/mail-0a/uid-of-mail/next"


def access(server: Server, **changes: Any) -> StandbyAccess:
    fields = {"url": server.url, "namespace": "shop", "pod": "mail-0a", "queue_uid": "uid-of-mail"} | changes
    return StandbyAccess(**fields)


def assignment(pod: Pod, task: str = "echo", *args: Any, **changes: Any) -> Assignment:
    fields = {"worker_id": "mail-0a", "token": "the-attempts"} | changes
    return Assignment.from_environ(pod.environ(task, args, **fields))


type Scripted = tuple[int, Any]


def given(pod: Pod, task: str = "echo", *args: Any) -> Scripted:
    return 200, asdict(assignment(pod, task, *args))


def script(server: Server, *answers: Scripted) -> None:
    """Each request of a standby pod gets the next of them."""
    left = iter(answers)
    server.answer = lambda request: (*next(left), {}) if request.path.endswith("/next") else (200, {}, {})


@pytest.fixture(autouse=True)
def without_waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long it would have waited is not of interest."""
    rests: list[int] = []
    monkeypatch.setattr(standby, "_rest", rests.append)
    return rests


@pytest.fixture
def other() -> Iterator[Server]:
    """Another replica."""
    with serve() as server:
        yield server


@pytest.fixture
def environ(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """That of a standby pod, in this process."""
    before = signal.getsignal(signal.SIGTERM)
    found = pod.environ("echo")
    variables = {name: value for name, value in found.items() if "ASSIGNMENT" not in name and "PAYLOAD" not in name}
    variables |= {"DJANGOTASKS_STANDBY": access(pod.server).to_json(), "DJANGOTASKS_TOKEN": "the-standbys"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DJANGOTASKS_GC", "default")
    monkeypatch.setenv("DJANGOTASKS_WORKER", "")
    yield variables
    signal.signal(signal.SIGTERM, before)


def test_it_asks_until_there_is_a_task(pod: Pod) -> None:
    server = pod.server
    script(server, (204, None), (204, None), given(pod, "echo", 1))
    found = standby.ask(access(server), "the-standbys")
    assert found == assignment(pod, "echo", 1)
    assert [request.path for request in server.requests] == [NEXT] * 3
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer the-standbys"}


def test_it_runs_the_task_as_any_pod_does(pod: Pod, environ: dict[str, str]) -> None:
    script(pod.server, given(pod, "echo", "ü"))
    assert main(Termination()) == 0
    (report,) = pod.reports("outcome")
    assert report.headers["authorization"] == "Bearer the-attempts"
    assert pod.outcome.result == '{"args":["\\u00fc"],"kwargs":{}}'


def test_its_termination_message_is_signed_with_what_its_spec_has(pod: Pod, environ: dict[str, str]) -> None:
    """The operator looks there for the token of a pod, when its own key is another one."""
    script(pod.server, given(pod))
    assert main(Termination()) == 0
    text = pod.termination_log.read_text()
    assert Outcome.from_termination_message(text, ["the-standbys"]) == pod.outcome


def test_it_keeps_no_credentials_in_its_environment(pod: Pod) -> None:
    script(pod.server, given(pod))
    environ = {"DJANGOTASKS_STANDBY": access(pod.server).to_json(), "DJANGOTASKS_TOKEN": "the-standbys"}
    assert standby.wait(environ) == (assignment(pod), "the-standbys", False)
    assert environ == {"DJANGOTASKS_WORKER": "mail-0a"}


def test_it_goes_where_the_leader_is_and_back(pod: Pod, other: Server, without_waits: list[int]) -> None:
    script(pod.server, (503, {"leader": other.url}), (503, {"leader": other.url}))
    script(other, (204, None), (503, {}), given(pod))
    assert standby.ask(access(pod.server), "t") == assignment(pod)
    assert [request.path for request in other.requests] == [NEXT] * 3
    assert len(pod.server.requests) == 2
    assert without_waits == [1], "after the leader has sent it away it waits"


def test_it_goes_back_when_the_leader_is_gone(pod: Pod, without_waits: list[int]) -> None:
    script(pod.server, (503, {"leader": "http://127.0.0.1:1"}), given(pod))
    assert standby.ask(access(pod.server), "t") == assignment(pod)
    assert without_waits == [1]


@pytest.mark.parametrize("body", [None, {}, {"leader": 1}, {"leader": "ftp://x"}, [1]])
def test_it_asks_again_where_nobody_knows_the_leader(pod: Pod, body: Any, without_waits: list[int]) -> None:
    script(pod.server, (503, body), given(pod))
    assert standby.ask(access(pod.server), "t") == assignment(pod)
    assert without_waits == [1]


def test_it_ends_when_there_will_be_no_task(pod: Pod, environ: dict[str, str]) -> None:
    script(pod.server, (410, None))
    assert main(Termination()) == 0
    assert pod.reports("outcome") == []


@pytest.mark.parametrize("status", [403, 404])
def test_it_ends_where_it_is_refused_for_long(pod: Pod, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator with another key, or of a version without standby pods."""
    monkeypatch.setattr(standby, "REFUSED_SECONDS", -1.0)
    script(pod.server, (status, None))
    assert standby.ask(access(pod.server), "t") is None


def test_it_outlives_a_refusal_that_passes(pod: Pod) -> None:
    script(pod.server, (403, None), (404, None), (429, None), given(pod))
    assert standby.ask(access(pod.server), "t") == assignment(pod)


@pytest.mark.parametrize("answer", [None, (503, {}), (500, None)], ids=["gone", "leaderless", "unwatched"])
def test_it_ends_where_no_operator_lets_it_wait_for_long(
    pod: Pod, answer: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was uninstalled, or does not watch the namespace any more: the pod would keep its GPU for ever."""
    now = [0.0]

    def later(failures: int) -> None:
        now[0] += 100.0

    monkeypatch.setattr(standby, "_rest", later)
    monkeypatch.setattr(standby, "time", SimpleNamespace(monotonic=lambda: now[0]))
    script(pod.server, *[answer or (503, {})] * 5, (204, None), *[answer or (503, {})] * 20)
    changes = {"url": "http://127.0.0.1:1"} if answer is None else {}
    assert standby.ask(access(pod.server, **changes), "t") is None
    assert now[0] == (1000.0 if answer is None else 1500.0)
    assert "no operator has let this standby pod wait" in caplog.text


def test_sigterm_ends_it_at_once(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def terminated(*_: object) -> None:
        raise Terminated(143)

    monkeypatch.setattr(standby, "_request", terminated)
    assert main(Termination()) == 0


def test_a_module_that_fails_is_left_to_its_task(pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    script(pod.server, given(pod))
    environ = {
        "DJANGOTASKS_STANDBY": access(pod.server, preload=("tests.unit.backend.broken", "no.such", HERE)).to_json(),
        "DJANGOTASKS_TOKEN": "t",
    }
    waited = standby.wait(environ)
    assert waited is not None
    assert waited.is_torn
    assert [record.message.partition(" ")[0] for record in caplog.records if record.levelname == "WARNING"] == [
        "tests.unit.backend.broken",
        "no.such",
    ]


def test_ready_that_enqueues_learns_that_no_task_is_there_to_do_it_for(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def setup() -> None:
        raise ClusterNotConfigured("No usable credentials for a cluster: let a token be mounted.")

    monkeypatch.setattr("django.setup", setup)
    assert main(Termination()) == 1
    assert caplog.text.rstrip().endswith(standby.TOO_EARLY)


def test_a_module_that_is_not_there_leaves_nothing_behind(pod: Pod) -> None:
    script(pod.server, given(pod))
    preload = ("no.such", "tests.unit.backend.no_such", "tests.no_such.module")
    environ = {
        "DJANGOTASKS_STANDBY": access(pod.server, preload=preload).to_json(),
        "DJANGOTASKS_TOKEN": "t",
    }
    waited = standby.wait(environ)
    assert waited is not None
    assert not waited.is_torn


TORN = """
import pathlib

from django.tasks import task

import registry

if "torn" in registry.NAMES:
    raise ValueError("Duplicated timeseries in CollectorRegistry: torn")
registry.NAMES.add("torn")
pathlib.Path(__file__).with_name("there").read_text()


@task
def works():
    return "done"
"""


@pytest.mark.thorough
def test_a_module_that_failed_as_it_was_imported_early_is_imported_in_a_new_process(pod: Pod) -> None:
    """What it registers, it cannot register twice: and now the database is there, or the file."""
    (pod.folder / "torn.py").write_text(TORN)
    (pod.folder / "registry.py").write_text("NAMES = set()")

    def answer(request: Any) -> tuple[int, Any, dict[str, str]]:
        if not request.path.endswith("/next"):
            return 200, {}, {}
        (pod.folder / "there").touch()
        return 200, asdict(assignment(pod, "torn.works")), {}

    pod.server.answer = answer
    variables = pod.environ("torn.works")
    for name in ("DJANGOTASKS_ASSIGNMENT", "DJANGOTASKS_PAYLOAD"):
        del variables[name]
    variables |= {
        "DJANGOTASKS_STANDBY": access(pod.server, preload=("torn",)).to_json(),
        "DJANGOTASKS_TOKEN": "the-standbys",
        "PYTHONPATH": os.pathsep.join([str(pod.folder), *sys.path]),
    }
    command = [sys.executable, "-m", "django_tasks_kubernetes.runner"]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, pod.outcome.result) == (0, '"done"'), done.stderr
    (report,) = pod.reports("outcome")
    assert report.headers["authorization"] == "Bearer the-attempts"
    assert Outcome.from_termination_message(pod.termination_log.read_text(), ["the-standbys"]) == pod.outcome


def test_it_holds_no_connection_while_it_waits(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.cache import caches
    from django.db import connections

    closed: list[str] = []
    monkeypatch.setattr(connections["default"], "close", lambda: closed.append("databases"))
    # Of PostgreSQL and Oracle, with OPTIONS["pool"].
    monkeypatch.setattr(connections["default"], "close_pool", lambda: closed.append("pools"), raising=False)
    monkeypatch.setattr(caches, "close_all", lambda: closed.append("caches"))
    script(pod.server, given(pod))
    environ = {"DJANGOTASKS_STANDBY": access(pod.server).to_json(), "DJANGOTASKS_TOKEN": "t"}
    standby.wait(environ)
    assert closed == ["databases", "pools", "caches"]


@pytest.mark.parametrize("text", ["", "{}", "[]"])
def test_a_process_without_its_place_ends_as_one_without_a_task(
    text: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGOTASKS_STANDBY", text)
    assert main(Termination()) == 2
