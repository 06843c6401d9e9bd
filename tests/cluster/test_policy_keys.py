"""One task for one idempotency key, on PostgreSQL: also of processes that call at once, and of rows that wait.

No operator is at work here: what counts is which DjangoTasks there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.proxied_web import ProxiedWeb, created, proxied_web
from tests.support.web_app import KILLED
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl


@pytest.fixture(scope="module")
def site(cluster: Cluster, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedWeb]:
    with proxied_web(cluster, kubectl, tmp_path_factory.mktemp("web")) as site:
        yield site


@pytest.fixture
def web(site: ProxiedWeb) -> ProxiedWeb:
    site.clear()
    return site


def test_one_row_for_one_key(web: ProxiedWeb) -> None:
    with web.proxy.away(), ThreadPoolExecutor(3) as pool:
        ids = {json.loads(out) for out in pool.map(lambda n: web.run("key", "order-1", str(n)), range(3))}
    (id_,) = ids
    assert list(web.rows()) == [id_]
    web.relay()
    assert json.loads(web.run("key", "order-1", "9")) == id_
    assert (web.tasks(), web.rows(), created(web)) == ([id_], {}, [id_])


@pytest.mark.parametrize("mode", ["immediate", "on_commit"])
def test_one_task_for_one_key_of_processes_that_call_at_once(web: ProxiedWeb, mode: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = [json.loads(out) for out in pool.map(lambda n: web.run("key", "order-2", str(n), mode=mode), range(4))]
    assert web.tasks() == [ids[0]]
    assert (set(ids), created(web)) == ({ids[0]}, [ids[0]])


def key_left(web: ProxiedWeb, key: str) -> str:
    """A task with a key, whose process was killed after the commit: its row waits."""
    id_: str = json.loads(web.run("key", key, "1", "die-after-commit", code=KILLED))
    assert (web.tasks(), list(web.rows())) == ([], [id_])
    return id_


def arguments(web: ProxiedWeb, name: str) -> Any:
    return json.loads(web.kubectl.get("djangotask", name)["spec"]["payload"])["args"]


def test_a_key_is_reused_while_its_row_waits(web: ProxiedWeb) -> None:
    id_ = key_left(web, "order-3")
    assert json.loads(web.run("key", "order-3", "2")) == id_
    assert (web.tasks(), web.rows(), created(web)) == ([id_], {}, [id_])
    assert arguments(web, id_) == [1, 1], "the first arguments count, whichever process sends them"


def test_a_key_is_reused_while_the_first_is_being_cancelled(web: ProxiedWeb) -> None:
    """By several at once, and beside a relay: all of them get the first task, which is cancelled."""
    id_ = key_left(web, "order-4")
    with ThreadPoolExecutor(4) as pool:
        cancelled = pool.submit(web.run, "cancel", id_)
        again = [pool.submit(web.run, "key", "order-4", str(number)) for number in (2, 3)]
        pool.submit(web.manage, "relay_tasks", "--once", code=None).result()
        assert {json.loads(future.result()) for future in again} == {id_}
        cancelled.result()
    web.relay()
    spec = web.kubectl.get("djangotask", id_)["spec"]
    assert (spec["cancel"], spec["cancelReason"], arguments(web, id_)) == (True, "by the test", [1, 1])
    assert (web.tasks(), web.rows(), created(web)) == ([id_], {}, [id_])
