"""One store for the threads of a process."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.stores import cluster
from django_tasks_kubernetes.stores.cluster import connect
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import Server


@pytest.fixture
def options(server: Server, tmp_path: Path) -> Options:
    return Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, server.url), request_timeout=60)


def test_connect_shares_one_store_among_threads(server: Server, options: Options) -> None:
    with ThreadPoolExecutor(4) as threads:
        clients = set(threads.map(lambda _: connect(options), range(16)))
    assert connect(options) in clients
    (kept,) = {id(client) for key, client in cluster._stores.items() if key[1] == options}
    assert kept == id(connect(options))


def test_connect_makes_another_store_after_a_fork(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    before = connect(options)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert connect(options) is not before
