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
from math import inf
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import AFTER, BEFORE, Crash, Drop, Moment, Rule, Status
from tests.support.proxied_web import CREATE, ProxiedWeb, created, proxied_web
from tests.support.web_app import DUE_SECONDS, KILLED
from tools.cluster import ROOT
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for


@pytest.fixture(scope="module")
def site(cluster: Cluster, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedWeb]:
    with proxied_web(cluster, kubectl, tmp_path_factory.mktemp("web")) as site:
        yield site


@pytest.fixture
def web(site: ProxiedWeb) -> ProxiedWeb:
    site.clear()
    return site


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
    rule = Rule(Status(422, reason="Invalid"), CREATE, path=first, times=inf)
    web.proxy.add(rule)

    def passed() -> bool | None:
        web.manage("relay_tasks", "--once", code=None)
        return True if rule.hits and second in web.tasks() else None

    wait_for("the second is sent", passed, seconds=DUE_SECONDS)
    tries, error = web.rows()[first]
    assert (tries >= 1, "refused the task (422)" in error) == (True, True)
    web.proxy.clear()
    web.relay()
    assert sorted(web.tasks()) == sorted([first, second])


def test_several_relays_send_each_row_once(web: ProxiedWeb) -> None:
    with web.proxy.away():
        ids, _ = web.enqueue_many(60)
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
    assert sorted(web.tasks()) == sorted(filter(None, ids))
    assert sorted(call.name for call in web.proxy.writes(verb="create")) == web.tasks(), "no row was sent twice"


def test_a_row_is_cancelled(web: ProxiedWeb) -> None:
    id_ = web.enqueue("1", "die-after-commit", code=KILLED)
    assert json.loads(web.run("cancel", id_)) == "READY"
    web.relay()
    spec = web.kubectl.get("djangotask", id_)["spec"]
    assert (spec["cancel"], spec["cancelReason"]) == (True, "by the test")


def test_a_row_is_cancelled_whose_task_is_just_being_created(web: ProxiedWeb) -> None:
    """By a process that did not know of it, and died before it could look again."""
    id_ = web.enqueue("1", "die-after-commit", code=KILLED)
    resource = json.loads(web.resource(id_))
    assert json.loads(web.run("cancel", id_)) == "READY"
    web.kubectl.apply(resource)
    web.relay()
    spec = web.kubectl.get("djangotask", id_)["spec"]
    assert (web.tasks(), spec["cancel"], spec["cancelReason"]) == ([id_], True, "by the test")


MANY = 2000
NOT_JSON = (7, 1200)
REFUSED = 3


def refuse_some(web: ProxiedWeb) -> Rule:
    """The API server refuses a few, somewhere in the middle."""
    rule = Rule(Status(422, reason="Invalid"), CREATE, nth=MANY // 3, every=200, times=REFUSED)
    web.proxy.add(rule)
    return rule


def refused(web: ProxiedWeb) -> set[str]:
    return {call.name for call in web.proxy.writes(verb="create") if call.faked}


def test_many_at_once_and_the_report_names_those_that_were_refused(web: ProxiedWeb) -> None:
    rule = refuse_some(web)
    ids, errors = web.enqueue_many(MANY, *NOT_JSON, mode="immediate")
    assert len(ids) == MANY
    assert {index for index, error in errors.items() if error == "TypeError"} == set(NOT_JSON)
    assert [error for error in errors.values() if error != "TypeError"] == ["TaskRefused"] * rule.hits
    assert rule.hits == REFUSED
    assert {index for index, id_ in enumerate(ids) if id_ is None} == errors.keys()
    accepted = set(filter(None, ids))
    assert accepted == set(web.tasks())
    assert not accepted & refused(web)


def test_many_through_the_outbox(web: ProxiedWeb) -> None:
    rule = refuse_some(web)
    ids, errors = web.enqueue_many(MANY, *NOT_JSON)
    assert errors == dict.fromkeys(NOT_JSON, "TypeError")
    # Those are enqueued: what the API server does not take is a row still.
    enqueued = set(filter(None, ids))
    assert len(enqueued) == MANY - len(NOT_JSON)
    assert rule.hits == REFUSED
    assert (set(web.rows()), set(web.tasks())) == (refused(web), enqueued - refused(web))
    web.relay()
    assert set(web.tasks()) == enqueued
    assert len(created(web)) == len(enqueued)


def test_the_relay_as_a_process_of_its_own(web: ProxiedWeb) -> None:
    """It goes on while the API server is away, and ends on SIGTERM."""
    command = [sys.executable, "-m", "django", "relay_tasks", "--interval", "0.5"]
    environ: dict[str, Any] = {**os.environ, **web.environ, "ENQUEUE": "outbox"}
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True) as relay:
        with web.proxy.away():
            id_ = web.enqueue("1")
            wait_for("it has tried", lambda: web.rows()[id_][0] or None, seconds=DUE_SECONDS)
        wait_for("it is sent", lambda: True if web.tasks() == [id_] else None, seconds=DUE_SECONDS)
        relay.send_signal(signal.SIGTERM)
        assert relay.wait(DUE_SECONDS) == 0


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
