"""etcd, API server, controller manager and scheduler: started when they do not run, then waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cluster.native import api, config
from tools.cluster.native.layout import NAMESPACE, Layout

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cluster.native.processes import Supervisor

ETCD = "etcd"
APISERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
NAMES = (ETCD, APISERVER, CONTROLLER_MANAGER, SCHEDULER)


def flags(layout: Layout) -> dict[str, list[str]]:
    """Return each component's flags."""
    return {
        ETCD: config.etcd(layout.run / "etcd"),
        APISERVER: config.apiserver(layout.pki),
        CONTROLLER_MANAGER: config.controller_manager(layout),
        SCHEDULER: config.scheduler(layout),
    }


def start_api(layout: Layout, supervisor: Supervisor) -> None:
    """Start etcd and, when it answers, the API server, which by itself waits for etcd no longer than 20 seconds."""
    _start(ETCD, layout, supervisor)
    supervisor.wait(ETCD, api.etcd_ready, seconds=120)
    _start(APISERVER, layout, supervisor)


def start_rest(layout: Layout, supervisor: Supervisor) -> None:
    """Wait for the API server, then start what needs it."""
    supervisor.wait(APISERVER, lambda: api.ready(layout.pki), seconds=60)
    for name in (CONTROLLER_MANAGER, SCHEDULER):
        _start(name, layout, supervisor)


def wait_usable(layout: Layout, supervisor: Supervisor) -> None:
    """Wait until pods can be created: the controller manager has made the default service account."""
    path = "/api/v1/namespaces/default/serviceaccounts/default"
    supervisor.wait(CONTROLLER_MANAGER, lambda: api.exists(layout.pki, path), seconds=60)


def _start(name: str, layout: Layout, supervisor: Supervisor) -> None:
    if not supervisor.alive(name):
        program: Path = layout.bin / name
        supervisor.start(name, program, *flags(layout)[name], namespace=NAMESPACE)
