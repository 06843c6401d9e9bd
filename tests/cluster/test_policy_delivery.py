"""Delivery on commit and through the outbox, on PostgreSQL: processes are killed at each point, and the API server is away.

No operator is at work here: what counts is which DjangoTasks there are.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.cluster import ROOT, Cluster
from tests.support.faults import AFTER, BEFORE, Crash, Drop, Moment, Rule, Status
from tests.support.kubectl import Kubectl, wait_for
from tests.support.postgres import postgres
from tests.support.proxy import Proxy

KILLED = -signal.SIGKILL
CREATE = "create djangotasks"
PROCESS_SECONDS = 120.0
DUE_SECONDS = 60.0


class Web:
    """Processes of a web app, which reach the API server through a proxy, and a relay."""

    def __init__(self, proxy: Proxy, environ: dict[str, str], kubectl: Kubectl) -> None:
        self.proxy = proxy
        self.kubectl = kubectl
        self._environ = environ
        self._running: set[subprocess.Popen[str]] = set()
        proxy.on_crash = self.kill

    def kill(self) -> None:
        for process in self._running:
            process.kill()

    def run(self, *arguments: str, mode: str = "outbox", code: int = 0) -> str:
        """What a process of the web app printed. `code`: how it is expected to end."""
        return self._run("tests.support.web", *arguments, mode=mode, code=code)

    def manage(self, *arguments: str, code: int | None = 0) -> str:
        return self._run("django", *arguments, mode="outbox", code=code)

    def enqueue(self, *arguments: str, mode: str = "outbox", code: int = 0) -> str:
        id_: str = json.loads(self.run("enqueue", *arguments, mode=mode, code=code))
        return id_

    def rows(self) -> dict[str, tuple[int, str]]:
        """The tries and the last error of what is in the outbox."""
        port, password = self._environ["DATABASE_PORT"], self._environ["DATABASE_PASSWORD"]
        with psycopg.connect(f"host=127.0.0.1 port={port} user=shop dbname=shop password={password}") as connection:
            found = connection.execute("SELECT id, tries, error FROM django_tasks_kubernetes_outboxtask").fetchall()
        return {id_: (tries, error) for id_, tries, error in found}

    def tasks(self) -> list[str]:
        return [task["metadata"]["name"] for task in self.kubectl.get("djangotasks")["items"]]

    def relay(self) -> None:
        """Until nothing is left: a row is due a few seconds after it was written or tried."""

        def empty() -> bool | None:
            self.manage("relay_tasks", "--once", code=None)
            return True if not self.rows() else None

        wait_for("the outbox is empty", empty, seconds=DUE_SECONDS, why=lambda: repr(self.rows()))

    def _run(self, module: str, *arguments: str, mode: str, code: int | None) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **self._environ, "ENQUEUE": mode},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.add(process)
        try:
            out, err = process.communicate(timeout=PROCESS_SECONDS)
        finally:
            process.kill()
            self._running.discard(process)
        assert code in (None, process.returncode), f"{arguments} ended with {process.returncode}\n{out}{err}"
        return out


@pytest.fixture(scope="module")
def site(cluster: Cluster, namespace: str, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("web")
    with postgres(cluster, kubectl) as database, Proxy(cluster.kubeconfig, folder) as proxy:
        environ = database | {
            "DJANGO_SETTINGS_MODULE": "tests.support.web_settings",
            "KUBECONFIG": str(proxy.kubeconfig),
            "NAMESPACE": namespace,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(ROOT, "tests", "example"))]),
        }
        web = Web(proxy, environ, kubectl)
        web.manage("migrate", "--verbosity=0")
        yield web


@pytest.fixture
def web(site: Web) -> Web:
    """Nothing is left of the test before."""
    site.proxy.clear()
    site.relay()
    site.kubectl("delete", "djangotasks", "--all")
    return site


def created(web: Web) -> list[str]:
    """The names of the tasks whose creation the API server has confirmed."""
    return [call.name for call in web.proxy.writes(verb="create", status=201)]


@pytest.mark.parametrize("mode", ["on_commit", "outbox"])
def test_sent_by_the_commit(web: Web, mode: str) -> None:
    id_ = web.enqueue("1", mode=mode)
    assert (web.tasks(), web.rows()) == ([id_], {})
    assert web.kubectl.get("djangotask", id_)["spec"]["cancel"] is False
    assert json.loads(web.run("status", id_, mode=mode)) == "READY"


@pytest.mark.parametrize("mode", ["on_commit", "outbox"])
def test_nothing_is_left_of_a_transaction_that_is_rolled_back(web: Web, mode: str) -> None:
    assert web.enqueue("1", "rollback", mode=mode)
    assert (web.tasks(), web.rows(), web.proxy.writes()) == ([], {}, [])


@pytest.mark.parametrize("mode", ["on_commit", "outbox"])
def test_killed_before_the_commit(web: Web, mode: str) -> None:
    assert web.enqueue("1", "die-before-commit", mode=mode, code=KILLED)
    assert (web.tasks(), web.rows()) == ([], {})


def test_killed_after_the_commit_on_commit_loses_the_task(web: Web) -> None:
    """What the outbox is for: without it, this is lost, and documented so."""
    web.enqueue("1", "die-after-commit", mode="on_commit", code=KILLED)
    assert (web.tasks(), web.rows()) == ([], {})


def test_killed_after_the_commit(web: Web) -> None:
    id_ = web.enqueue("1", "die-after-commit", code=KILLED)
    assert (web.tasks(), list(web.rows())) == ([], [id_])
    assert json.loads(web.run("status", id_)) == "READY"
    web.relay()
    assert (web.tasks(), created(web)) == ([id_], [id_])


@pytest.mark.parametrize(("moment", "there"), [(BEFORE, 0), (AFTER, 1)])
def test_killed_while_it_sends(web: Web, moment: Moment, there: int) -> None:
    web.proxy.add(Rule(Crash(), CREATE, moment=moment))
    id_ = web.enqueue("1", code=KILLED)
    assert (web.tasks(), list(web.rows())) == ([id_] * there, [id_])
    web.relay()
    assert (web.tasks(), created(web)) == ([id_], [id_])


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_the_relay_is_killed_while_it_sends(web: Web, moment: Moment) -> None:
    id_ = web.enqueue("1", "die-after-commit", code=KILLED)
    rule = Rule(Crash(), CREATE, moment=moment)
    web.proxy.add(rule)
    web.relay()
    assert rule.hits == 1
    assert (web.tasks(), created(web)) == ([id_], [id_])


def test_the_answer_is_lost(web: Web) -> None:
    web.proxy.add(Rule(Drop(), CREATE, moment=AFTER, times=2))
    id_ = web.enqueue("1")
    web.relay()
    assert (web.tasks(), created(web)) == ([id_], [id_])


def test_the_api_server_is_away(web: Web) -> None:
    with web.proxy.away():
        first, second = web.enqueue("1"), web.enqueue("2")

        def tried() -> bool | None:
            web.manage("relay_tasks", "--once", code=None)
            return True if any(tries for tries, _ in web.rows().values()) else None

        wait_for("the relay tries", tried, seconds=DUE_SECONDS)
        rows = web.rows()
        assert rows.keys() == {first, second}
        assert "gave no answer" in next(error for tries, error in rows.values() if tries)
    web.relay()
    assert sorted(web.tasks()) == sorted(created(web)) == sorted([first, second])


def test_a_task_that_is_refused_does_not_hold_up_the_others(web: Web) -> None:
    first, second = web.enqueue("1", "die-after-commit", code=KILLED), web.enqueue("2", "die-after-commit", code=KILLED)
    rule = Rule(Status(422, reason="Invalid"), CREATE, path=first, times=1)
    web.proxy.add(rule)

    def passed() -> bool | None:
        web.manage("relay_tasks", "--once", code=None)
        return True if rule.hits and second in web.tasks() else None

    wait_for("the second is sent", passed, seconds=DUE_SECONDS)
    tries, error = web.rows()[first]
    assert (tries, "refused the task (422)" in error) == (1, True)
    web.relay()
    assert sorted(web.tasks()) == sorted([first, second])


def test_several_relays_send_each_row_once(web: Web) -> None:
    with web.proxy.away():
        ids = json.loads(web.run("many", "60"))
    assert len(ids) == len(web.rows()) == 60
    with ThreadPoolExecutor(3) as pool:
        wait_for(
            "the outbox is empty",
            lambda: (
                [future.result() for future in [pool.submit(web.manage, "relay_tasks", "--once") for _ in range(3)]]
                and (not web.rows() or None)
            ),
            seconds=DUE_SECONDS,
        )
    assert sorted(web.tasks()) == sorted(ids)
    assert sorted(call.name for call in web.proxy.writes(verb="create")) == sorted(ids), "no row was sent twice"


def test_a_row_is_cancelled(web: Web) -> None:
    id_ = web.enqueue("1", "die-after-commit", code=KILLED)
    assert json.loads(web.run("cancel", id_)) == "READY"
    web.relay()
    spec = web.kubectl.get("djangotask", id_)["spec"]
    assert (spec["cancel"], spec["cancelReason"]) == (True, "by the test")


def test_one_row_for_one_key(web: Web) -> None:
    with web.proxy.away(), ThreadPoolExecutor(3) as pool:
        ids = {json.loads(out) for out in pool.map(lambda n: web.run("key", "order-1", str(n)), range(3))}
    (id_,) = ids
    assert list(web.rows()) == [id_]
    web.relay()
    assert json.loads(web.run("key", "order-1", "9")) == id_
    assert (web.tasks(), web.rows(), created(web)) == ([id_], {}, [id_])


def test_the_relay_as_a_process_of_its_own(web: Web) -> None:
    """It goes on while the API server is away, and ends when it is told to."""
    command = [sys.executable, "-m", "django", "relay_tasks", "--interval", "0.5"]
    environ: dict[str, Any] = {**os.environ, **web._environ, "ENQUEUE": "outbox"}
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True) as relay:
        with web.proxy.away():
            id_ = web.enqueue("1")
            wait_for("it has tried", lambda: web.rows()[id_][0] or None, seconds=DUE_SECONDS)
        wait_for("it is sent", lambda: True if web.tasks() == [id_] else None, seconds=DUE_SECONDS)
        relay.send_signal(signal.SIGTERM)
        assert relay.wait(30) == 0
