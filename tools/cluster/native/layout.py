"""Where the native cluster keeps things, and its addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = "djangotasks-native"
# The network namespace: node1's, and the control plane's.
NAMESPACE = "djangotasks"
HOST_LINK = "djk0"
# 198.18.0.0/15 is the range reserved for benchmarks (RFC 2544): it can clash with no real network.
HOST_ADDRESS = "198.18.254.1"
NODE_ADDRESS = "198.18.254.2"
LINK_PREFIX = 30
POD_RANGE = "198.18.0.0/17"
SERVICE_RANGE = "198.19.0.0/16"
API_SERVICE = "198.19.0.1"
API_URL = f"https://{NODE_ADDRESS}:6443"
CNI_NETWORK = "djangotasks-pods"


@dataclass(frozen=True)
class Node:
    """A node: its name, address, and the range its pods take addresses from."""

    name: str
    address: str
    pods: str


NODE1 = Node("node1", NODE_ADDRESS, POD_RANGE)


@dataclass(frozen=True)
class Layout:
    """The folders. `run` is the running cluster and goes with it; the rest is a cache."""

    state: Path

    @property
    def bin(self) -> Path:
        return self.state / "bin"

    @property
    def build(self) -> Path:
        return self.state / "build"

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def pids(self) -> Path:
        return self.run / "pid"

    @property
    def logs(self) -> Path:
        return self.run / "log"

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def complete(self) -> Path:
        """Written last by `up`: without it the run was aborted."""
        return self.run / "cluster.json"

    @property
    def pause_image(self) -> Path:
        return self.state / "pause.tar"

    def node(self, node: Node) -> Path:
        return self.run / "nodes" / node.name

    def containerd_socket(self, node: Node) -> Path:
        return self.node(node) / "containerd.sock"

    def kubeconfig(self, user: str = "admin") -> Path:
        return self.run / f"{user}.conf"
