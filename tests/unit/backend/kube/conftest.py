"""A client of the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.client import Client
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import Server


@pytest.fixture
def options(server: Server, tmp_path: Path) -> Options:
    return Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, server.url), request_timeout=60)


@pytest.fixture
def client(options: Options, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    # urllib3 waits with this; how long, the backoff's own test asks.
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda seconds: None)
    made = Client(options)
    yield made
    made.close()
