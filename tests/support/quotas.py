"""Quotas of a namespace, that count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.tasks import FINISH_SECONDS
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tools.kubectl import Kubectl


def limit(kubectl: Kubectl, name: str, hard: dict[str, str]) -> None:
    """Returns when the API server counts: until then, it refuses all with other words."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard}}
    kubectl.apply(quota)

    def counts() -> bool | None:
        status: dict[str, Any] = kubectl.get("resourcequota", name).get("status", {})
        return (status.get("hard") == hard and "used" in status) or None

    wait_for(f"the quota {name} counts", counts, seconds=FINISH_SECONDS)
