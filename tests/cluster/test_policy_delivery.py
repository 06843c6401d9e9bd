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

import pytest

from tests.support.cluster import ROOT, Cluster
from tests.support.faults import AFTER, BEFORE, Crash, Drop, Moment, Rule, Status
from tests.support.kubectl import Kubectl, wait_for
from tests.support.postgres import postgres
from tests.support.proxy import Proxy
from tests.support.web_app import DUE_SECONDS, KILLED, Web

CREATE = "create djangotasks"


class ProxiedWeb(Web):
    """Its processes reach the API server through a proxy."""

    def __init__(self, proxy: Proxy, database: dict[str, str], kubectl: Kubectl) -> None:
        super().__init__(database, proxy.kubeconfig, kubectl)
        self.proxy = proxy
        proxy.on_crash = self.kill


@pytest.fixture(scope="module")
def site(
    cluster: Cluster, namespace: str, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProxiedWeb]:
    folder = tmp_path_factory.mktemp("web")
    with postgres(cluster, kubectl) as database, Proxy(cluster.kubeconfig, folder) as proxy:
        web = ProxiedWeb(proxy, database | {"TASKS_FOLDER": str(folder / "files")}, kubectl)
        web.manage("migrate", "--verbosity=0")
        yield web


@pytest.fixture
def web(site: ProxiedWeb) -> ProxiedWeb:
    """Nothing is left of the test before."""
    site.proxy.clear()
    site.relay()
    site.kubectl("delete", "djangotasks", "--all")
    return site


def created(web: ProxiedWeb) -> list[str]:
    """The names of the tasks whose creation the API server has confirmed."""
    return [call.name for call in web.proxy.writes(verb="create", status=201)]


@pytest.mark.parametrize("mode", ["on_commit", "outbox"])
def test_sent_by_the_commit(web: ProxiedWeb, mode: str) -> None:
    id_ = web.enqueue("1", mode=mode)
    assert (web.tasks(), web.rows()) == ([id_], {})
    assert web.kubectl.get("djangotask", id_)["spec"]["cancel"] is False
    assert json.loads(web.run("status", id_, mode=mode)) == "READY"


@pytest.mark.parametrize("mode", ["on_commit", "outbox"])
def test_nothing_is_left_of_a_transaction_that_is_rolled_back(web: ProxiedWeb, mode: str) -> None:
    assert web.enqueue("1", "rollback", mode=mode)
    assert (web.tasks(), web.rows(), web.proxy.writes()) == ([], {}, [])


@pytest.mark.parametrize("mode", ["on_commit", "outbox"])
def test_killed_before_the_commit(web: ProxiedWeb, mode: str) -> None:
    assert web.enqueue("1", "die-before-commit", mode=mode, code=KILLED)
    assert (web.tasks(), web.rows()) == ([], {})


def test_killed_after_the_commit_on_commit_loses_the_task(web: ProxiedWeb) -> None:
    """What the outbox is for: without it, this is lost, and documented so."""
    web.enqueue("1", "die-after-commit", mode="on_commit", code=KILLED)
    assert (web.tasks(), web.rows()) == ([], {})


def test_killed_after_the_commit(web: ProxiedWeb) -> None:
    id_ = web.enqueue("1", "die-after-commit", code=KILLED)
    assert (web.tasks(), list(web.rows())) == ([], [id_])
    assert json.loads(web.run("status", id_)) == "READY"
    web.relay()
    assert (web.tasks(), created(web)) == ([id_], [id_])


@pytest.mark.parametrize(("moment", "there"), [(BEFORE, 0), (AFTER, 1)])
def test_killed_while_it_sends(web: ProxiedWeb, moment: Moment, there: int) -> None:
    web.proxy.add(Rule(Crash(), CREATE, moment=moment))
    id_ = web.enqueue("1", code=KILLED)
    assert (web.tasks(), list(web.rows())) == ([id_] * there, [id_])
    web.relay()
    assert (web.tasks(), created(web)) == ([id_], [id_])


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_the_relay_is_killed_while_it_sends(web: ProxiedWeb, moment: Moment) -> None:
    id_ = web.enqueue("1", "die-after-commit", code=KILLED)
    rule = Rule(Crash(), CREATE, moment=moment)
    web.proxy.add(rule)
    web.relay()
    assert rule.hits == 1
    assert (web.tasks(), created(web)) == ([id_], [id_])


def test_the_answer_is_lost(web: ProxiedWeb) -> None:
    web.proxy.add(Rule(Drop(), CREATE, moment=AFTER, times=2))
    id_ = web.enqueue("1")
    web.relay()
    assert (web.tasks(), created(web)) == ([id_], [id_])


def test_the_api_server_is_away(web: ProxiedWeb) -> None:
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


def test_a_task_that_is_refused_does_not_hold_up_the_others(web: ProxiedWeb) -> None:
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


def test_several_relays_send_each_row_once(web: ProxiedWeb) -> None:
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


def test_a_row_is_cancelled(web: ProxiedWeb) -> None:
    id_ = web.enqueue("1", "die-after-commit", code=KILLED)
    assert json.loads(web.run("cancel", id_)) == "READY"
    web.relay()
    spec = web.kubectl.get("djangotask", id_)["spec"]
    assert (spec["cancel"], spec["cancelReason"]) == (True, "by the test")


def test_one_row_for_one_key(web: ProxiedWeb) -> None:
    with web.proxy.away(), ThreadPoolExecutor(3) as pool:
        ids = {json.loads(out) for out in pool.map(lambda n: web.run("key", "order-1", str(n)), range(3))}
    (id_,) = ids
    assert list(web.rows()) == [id_]
    web.relay()
    assert json.loads(web.run("key", "order-1", "9")) == id_
    assert (web.tasks(), web.rows(), created(web)) == ([id_], {}, [id_])


def test_the_relay_as_a_process_of_its_own(web: ProxiedWeb) -> None:
    """It goes on while the API server is away, and ends when it is told to."""
    command = [sys.executable, "-m", "django", "relay_tasks", "--interval", "0.5"]
    environ: dict[str, Any] = {**os.environ, **web.environ, "ENQUEUE": "outbox"}
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True) as relay:
        with web.proxy.away():
            id_ = web.enqueue("1")
            wait_for("it has tried", lambda: web.rows()[id_][0] or None, seconds=DUE_SECONDS)
        wait_for("it is sent", lambda: True if web.tasks() == [id_] else None, seconds=DUE_SECONDS)
        relay.send_signal(signal.SIGTERM)
        assert relay.wait(30) == 0


def test_a_large_payload_has_a_file_while_it_is_needed(web: ProxiedWeb) -> None:
    folder = Path(web.environ["TASKS_FOLDER"], "djangotasks", web.kubectl.namespace)

    def files(*ids: str) -> list[int]:
        return [len(list(folder.glob(f"{id_}.payload.*"))) for id_ in ids]

    def enqueue(*arguments: str, mode: str = "outbox") -> str:
        id_: str = json.loads(web.run("large", *arguments, mode=mode))
        return id_

    sent, on_commit = enqueue(), enqueue(mode="on_commit")
    undone, never = enqueue("rollback"), enqueue("rollback", mode="on_commit")
    with web.proxy.away():
        waiting = enqueue()
    # With the outbox it is written before the row that refers to it; on commit, not before the commit.
    assert files(sent, on_commit, undone, never, waiting) == [1, 1, 1, 0, 1]
    web.manage("prune_task_files", "--grace=0")
    assert files(sent, on_commit, undone, waiting) == [1, 1, 0, 1]
    web.relay()
    assert sorted(web.tasks()) == sorted([sent, on_commit, waiting])
    assert Path(
        web.environ["TASKS_FOLDER"], web.kubectl.get("djangotask", waiting)["spec"]["payloadRef"]["name"]
    ).exists()
