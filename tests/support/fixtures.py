"""Fixtures of every test that needs an API server. A conftest imports those that its tests ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.cluster.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.kubectl import Kubectl


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster.ready()


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """A fresh namespace that enforces the restricted Pod Security Standard."""
    name = cluster.new_namespace()
    yield name
    cluster.delete_namespace(name)


@pytest.fixture(scope="module")
def kubectl(cluster: Cluster, namespace: str) -> Kubectl:
    return cluster.kubectl(namespace)
