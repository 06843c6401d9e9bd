"""The order in which the control plane is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from tools.cluster.native import api, control_plane
from tools.cluster.native.layout import Layout
from tools.cluster.native.processes import Supervisor


class Recorded:
    """A supervisor that starts nothing."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def alive(self, name: str) -> bool:
        return False

    def start(self, name: str, *_: Any, **__: Any) -> None:
        self.calls.append(("start", name))

    def wait(self, name: str, ready: Any, **_: Any) -> None:
        assert ready is api.etcd_ready
        self.calls.append(("wait", name))


def test_the_api_server_starts_when_etcd_answers(tmp_path: Path) -> None:
    """A busy machine needs more than the 20 seconds for which the API server waits: it ended, and the cluster with it."""
    recorded = Recorded()
    control_plane.start_api(Layout(tmp_path), cast("Supervisor", recorded))
    assert recorded.calls == [("start", "etcd"), ("wait", "etcd"), ("start", "kube-apiserver")]
