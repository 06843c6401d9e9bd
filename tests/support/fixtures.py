"""Fixtures of every test that needs an API server. A conftest imports those that its tests ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.operator import OperatorProcess
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.manifests import queue_manifest

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


@pytest.fixture(scope="module")
def operator(cluster: Cluster, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """At work in the namespace; out of the cluster, so that a test can stop and start it."""
    process = OperatorProcess(cluster, namespace, tmp_path_factory.mktemp("operator"))
    process.start()
    yield process
    process.close()
    assert "a defect" not in process.log(), process.log()


@pytest.fixture(scope="module")
def queue(cluster: Cluster, kubectl: Kubectl) -> str:
    """The queue `default`, whose pods have the example's image and need no database."""
    kubectl.apply(queue_manifest("default", cluster.image(Target.EXAMPLE)))
    return "default"
