"""Queues whose operator has seen them as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.tasks import FINISH_SECONDS
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tools.kubectl import Kubectl


def put_queue(kubectl: Kubectl, manifest: dict[str, Any]) -> None:
    """Creates or changes a queue. Tasks come by another watch: one that is enqueued right after the change may be
    quicker than it."""
    kubectl.apply(manifest)
    wait_seen(kubectl, manifest["metadata"]["name"])


def wait_seen(kubectl: Kubectl, name: str) -> None:
    found: dict[str, Any] = {}

    def seen() -> bool | None:
        found.update(kubectl.get("djangotaskqueue", name))
        conditions = found.get("status", {}).get("conditions", ())
        generation = found["metadata"]["generation"]
        return any(one.get("observedGeneration") == generation for one in conditions) or None

    wait_for(f"queue {name}: seen by its operator", seen, seconds=FINISH_SECONDS, why=lambda: json.dumps(found))
