"""Manifests that tests and tools apply."""

from __future__ import annotations

from typing import Any


def queue_manifest(name: str, image: str, **spec: Any) -> dict[str, Any]:
    """A DjangoTaskQueue with a plain pod template, and whatever else its spec is to say."""
    container: dict[str, Any] = {
        "name": "task",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "DJANGO_SECRET_KEY", "value": "for tests"}],
        "resources": {"limits": {"memory": "128Mi"}},
    }
    container |= spec.pop("container_update", {})
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskQueue",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [container]} | spec.pop("pod_update", {})}} | spec,
    }
