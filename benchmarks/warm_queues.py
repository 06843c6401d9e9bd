"""Queues with standby pods, on the site."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from djangotasks_api.names import API_VERSION, QUEUE_PLURAL
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from benchmarks.fake_site import FakeSite
    from benchmarks.site import Site

READY_SECONDS = 180.0


def path(site: Site | FakeSite) -> str:
    return f"/apis/{API_VERSION}/namespaces/{site.namespace}/{QUEUE_PLURAL}"


def add_queue(site: Site, name: str, *, least: int, most: int) -> None:
    """With the pod template of the site's queue. Returns when its pods wait."""
    spec = site.queue["spec"] | {"standby": {"min": least, "max": most}}
    site.api.post(path(site), json.dumps(site.queue | {"metadata": {"name": name}, "spec": spec}).encode())
    wait_ready(site, name, least)


def wait_ready(site: Site | FakeSite, name: str, number: int) -> None:
    """Its status is written every 5 s at most."""

    def look() -> bool | None:
        status = site.api.get(f"{path(site)}/{name}").get("status") or {}
        return (status.get("standby") or {}).get("ready") == number or None

    wait_for(f"{number} standby pods of {name}", look, seconds=READY_SECONDS, why=lambda: path(site))


def claimed(result: Any) -> bool:
    """Whether the task found a standby pod: it keeps its own name."""
    return bool(result.worker_ids) and result.worker_ids[0] != f"{result.id}-1"
