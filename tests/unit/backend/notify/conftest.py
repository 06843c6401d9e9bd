"""A client for an API server on the loopback, an inbox that keeps no rows, and receivers that record their calls."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.tasks import task_backends
from django.test import override_settings

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.notify import follower as follower_module
from django_tasks_kubernetes.stores.cluster import connect
from django_tasks_kubernetes.watch import stream
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.notify.receivers import Backend, Receivers
from tests.unit.backend.web_server import Server


@pytest.fixture
def client(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(stream, "BACKOFF_SECONDS", 0.001)
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "RETRIES": 0}
    backend = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}
    with override_settings(TASKS={"default": backend, "other": backend}):
        found: Any = task_backends["default"]
        made = connect(found.parsed_options).client
        yield made
        made.close()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[str, str]]]:
    """The names and phases of what were recorded, call by call."""
    found: list[list[tuple[str, str]]] = []

    def record(backend: Any, resources: list[Any], using: str, *, dispatched: bool) -> None:
        found.append([(r["metadata"]["name"], str(r["status"]["phase"])) for r in resources])

    monkeypatch.setattr(follower_module, "record", record)
    return found


@pytest.fixture
def backend() -> Backend:
    return task_backends["default"]


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    found = Receivers()
    before = [(signal, signal.receivers[:]) for signal in (signals.task_ended, signals.task_attempt_failed)]
    yield found
    for signal, receivers in before:
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()
