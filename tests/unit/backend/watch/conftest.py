"""A backend for the namespace of an API server on the loopback, and threads to wait in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.tasks import task_backends
from django.test import override_settings

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes.stores import cluster
from django_tasks_kubernetes.watch import shared, stream
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.namespace import Namespace
from tests.unit.backend.watch.waiters import until, watch_threads
from tests.unit.backend.web_server import Server


@pytest.fixture
def namespace(server: Server) -> Iterator[Namespace]:
    made = Namespace(server)
    yield made
    made.close()


@pytest.fixture
def options(server: Server, tmp_path: Path) -> dict[str, Any]:
    return {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "RETRIES": 0}


@pytest.fixture
def backend(
    namespace: Namespace, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[KubernetesBackend]:
    """A parameter is more OPTIONS."""
    monkeypatch.setattr(stream, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(shared, "READ_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(cluster, "_stores", {})
    options |= getattr(request, "param", {})
    tasks_setting = {"default": {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "OPTIONS": options}}
    with override_settings(TASKS=tasks_setting):
        made = task_backends["default"]
        assert isinstance(made, KubernetesBackend)
        yield made
        for one in cluster._stores.values():
            one.close()
        until("the threads are gone", lambda: not watch_threads())


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(200) as pool:
        yield pool
