"""The CRDs in a real API server. No operator works in the namespace, so everything stays as the tests leave it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.server import Server, serve, task
from tests.support.fixtures import cluster, kubectl, namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.cluster.cluster import Cluster

__all__ = ["cluster", "kubectl", "namespace"]

HERE = "tests/contract/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(HERE):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="module")
def server(cluster: Cluster, namespace: str) -> Iterator[Server]:
    with serve(cluster, namespace) as server:
        yield server


@pytest.fixture(scope="module")
def new_task(server: Server) -> Callable[..., str]:
    """Creates a task with the given spec, and returns its name."""

    def create(**spec: Any) -> str:
        name = f"task-{secrets.token_hex(4)}"
        server.create(task(name, **spec))
        return name

    return create
