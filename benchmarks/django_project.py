"""The example project set up in this process, as in a web process: tasks are enqueued from here."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

from tools.cluster.images import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXAMPLE = ROOT / "examples" / "shop"
SETTINGS = {"DJANGO_SETTINGS_MODULE": "shop.settings", "DJANGO_SECRET_KEY": "for benchmarks"}
TASK = "shop.probes.add"


@contextmanager
def project(kubeconfig: Path, namespaces: Mapping[str, str]) -> Iterator[Any]:
    """A backend for each alias, with its namespace. Yields the task that everything is measured with."""
    sys.path.insert(0, str(EXAMPLE))
    os.environ.update(SETTINGS)
    django.setup()
    from django.test import override_settings
    from django.utils.module_loading import import_string

    tasks = {
        alias: {
            "BACKEND": "django_tasks_kubernetes.KubernetesBackend",
            "QUEUES": [],
            "OPTIONS": {"NAMESPACE": namespace, "KUBECONFIG": str(kubeconfig)},
        }
        for alias, namespace in namespaces.items()
    }
    with override_settings(TASKS=tasks):
        yield import_string(TASK)
