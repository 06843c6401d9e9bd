"""Tasks whose arguments are too large for a DjangoTask."""

from typing import Any

from django.conf import settings
from django.test import override_settings

from django_tasks_kubernetes.testing import InMemoryCluster
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES

LONG = "x" * PAYLOAD_MAX_BYTES


def limited(**options: Any) -> override_settings:
    backend = settings.TASKS["default"]
    return override_settings(TASKS={"default": backend | {"OPTIONS": backend["OPTIONS"] | options}})


def in_storage(cluster: InMemoryCluster) -> list[str]:
    folders, _ = cluster.storage.listdir("")
    return sorted(cluster.storage.listdir("djangotasks/in-memory")[1]) if folders else []


def ref_of(cluster: InMemoryCluster, name: str) -> dict[str, Any]:
    ref: dict[str, Any] = cluster.get(name)["spec"]["payloadRef"]
    return ref
