"""A backend over an outbox and a cluster in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import override_settings

from django_tasks_kubernetes import KubernetesBackend, exceptions
from django_tasks_kubernetes.stores.outbox import OutboxStore
from django_tasks_kubernetes.testing import InMemoryCluster


class Backend(KubernetesBackend):
    """`away`: the API server does not answer the web process, as it would the relay."""

    cluster: InMemoryCluster
    away = False

    @property
    def store(self) -> OutboxStore:
        return OutboxStore(self.cluster, "default")

    @property
    def best_effort_store(self) -> Any:
        if self.away:
            raise exceptions.ApiUnavailable("away")
        return self.cluster


@contextmanager
def outbox[C: InMemoryCluster](cluster: C) -> Iterator[C]:
    """TASKS with this backend."""
    backend = {"BACKEND": f"{__name__}.Backend", "QUEUES": [], "OPTIONS": {"ENQUEUE": "outbox"}}
    with pytest.MonkeyPatch.context() as patch, override_settings(TASKS={"default": backend}):
        patch.setattr(Backend, "cluster", cluster, raising=False)
        yield cluster
