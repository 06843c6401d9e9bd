"""The backend that in_memory() puts into TASKS."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.test import override_settings
from django.utils.module_loading import import_string

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Enqueue
from django_tasks_kubernetes.storage.files import Files
from django_tasks_kubernetes.testing.cluster import InMemoryCluster

NAMESPACE: Final = "in-memory"
# Of OPTIONS: what says how large arguments and results may be, when they are stored, and what is shown of them.
KEPT: Final = ("STORAGE", "STORAGE_MAX_BYTES", "COMPRESS_PAYLOAD_FROM", "ENQUEUE", "DATABASE", "ADMIN_HIDE")


class InMemoryBackend(KubernetesBackend):
    """KubernetesBackend with an InMemoryCluster, OPTIONS["CLUSTER"], in place of the API server. See in_memory()."""

    # So that tests may have tasks of their own.
    read_elsewhere = False

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        options = dict(params.get("OPTIONS", {}))
        self._cluster: InMemoryCluster = options.pop("CLUSTER")
        self._sender: type = options.pop("SENDER")
        super().__init__(alias, params | {"OPTIONS": options})

    @property
    def store(self) -> InMemoryCluster:
        return self._cluster

    @property
    def page_store(self) -> InMemoryCluster:
        return self._cluster

    @property
    def namespace(self) -> str:
        return NAMESPACE

    @property
    def sender(self) -> type:
        """The class that TASKS names, as without in_memory()."""
        return self._sender

    def create_returned_workflow(self, resource: Resource) -> Resource:
        """Creates a workflow that a task has returned."""
        return self._cluster.workflows.create_returned(resource)

    @cached_property
    def files(self) -> Files:
        return replace(super().files, find=lambda alias: self._cluster.storage)


def _options_of(params: Mapping[str, Any], cluster: InMemoryCluster) -> dict[str, Any]:
    options = params.get("OPTIONS", {})
    # Within another in_memory(), it is as there.
    sender = options.get("SENDER") or import_string(params["BACKEND"])
    if not issubclass(sender, KubernetesBackend):
        sender = KubernetesBackend
    return _kept(options) | {"CLUSTER": cluster, "SENDER": sender}


def _kept(options: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in options.items() if name in KEPT}
    if kept.get("ENQUEUE") == Enqueue.OUTBOX:
        # At the commit as well, and without its table.
        kept["ENQUEUE"] = Enqueue.ON_COMMIT
    return kept


@contextmanager
def in_memory(*, now: datetime | None = None) -> Iterator[InMemoryCluster]:
    """Makes every backend in TASKS keep its tasks in memory, in the cluster that it gives.

    QUEUES stay as they are, and so do the limits; what would go to OPTIONS["STORAGE"] is kept in memory too. Works as
    a pytest fixture as well: `@pytest.fixture` over a function that yields from it. `now`: when the time of the
    schedules begins, for tick(). Default: the current time.
    """
    cluster = InMemoryCluster(now)
    backend = f"{InMemoryBackend.__module__}.{InMemoryBackend.__qualname__}"
    tasks = {
        alias: params | {"BACKEND": backend, "OPTIONS": _options_of(params, cluster)}
        for alias, params in settings.TASKS.items()
    }
    with override_settings(TASKS=tasks):
        yield cluster
