"""A node: containerd, kubelet and kube-proxy, under the node's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cluster.commands import run, succeeds
from tools.cluster.native import api, config, pki
from tools.cluster.native.layout import NAMESPACE, Layout, Node

if TYPE_CHECKING:
    from tools.cluster.native.processes import Supervisor


def names(node: Node) -> tuple[str, str, str]:
    """Return the names of the node's processes: containerd, kubelet, kube-proxy."""
    return f"containerd-{node.name}", f"kubelet-{node.name}", f"kube-proxy-{node.name}"


def files(layout: Layout, node: Node) -> dict[str, str]:
    """Return the node's configuration files, by name."""
    folder = layout.node(node)
    return {
        "containerd.toml": config.containerd(folder, layout.containerd_socket(node)),
        "cni/10-pods.conflist": config.cni(folder, node),
        "registries/_default/hosts.toml": config.no_registry(),
        "kubelet.json": config.kubelet(layout, node),
    }


def prepare(layout: Layout, node: Node) -> None:
    """Write the node's files and certificate."""
    for name, text in files(layout, node).items():
        path = layout.node(node) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    pki.create_node(layout, node)


def start_containerd(layout: Layout, node: Node, supervisor: Supervisor) -> None:
    """Start containerd, which needs no API server, and give it the sandbox image."""
    containerd, _, _ = names(node)
    if supervisor.alive(containerd):
        return
    configuration = layout.node(node) / "containerd.toml"
    program = layout.bin / "containerd"
    # containerd looks for its shim on PATH.
    supervisor.start(containerd, program, "-c", configuration, namespace=NAMESPACE, path=layout.bin)
    supervisor.wait(containerd, lambda: succeeds(*ctr(layout, node), "version"), seconds=30)
    run(*ctr(layout, node), "images", "import", layout.pause_image)


def start_kubelet(layout: Layout, node: Node, supervisor: Supervisor) -> None:
    """Start kubelet and kube-proxy; both need the API server."""
    _, kubelet, proxy = names(node)
    if not supervisor.alive(kubelet):
        flags = config.kubelet_flags(layout, node)
        supervisor.start(kubelet, layout.bin / "kubelet", *flags, namespace=NAMESPACE)
    if not supervisor.alive(proxy):
        flags = config.proxy(layout, node)
        supervisor.start(proxy, layout.bin / "kube-proxy", *flags, namespace=NAMESPACE)


def wait_ready(layout: Layout, node: Node, supervisor: Supervisor) -> None:
    """Wait until the node takes pods."""
    _, kubelet, _ = names(node)
    supervisor.wait(kubelet, lambda: api.node_ready(layout.pki, node.name), seconds=60, what="node Ready")


def ctr(layout: Layout, node: Node) -> list[str]:
    """Return the start of a ctr command on the node's images."""
    return [str(layout.bin / "ctr"), "-a", str(layout.containerd_socket(node)), "-n", "k8s.io"]
