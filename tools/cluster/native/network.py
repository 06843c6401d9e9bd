"""The network namespace of the cluster, and the one link from it to the machine."""

from __future__ import annotations

from pathlib import Path

from tools.cluster.commands import run
from tools.cluster.errors import ProviderError
from tools.cluster.native.layout import (
    HOST_ADDRESS,
    HOST_LINK,
    LINK_PREFIX,
    NAMESPACE,
    NODE_ADDRESS,
)

NAMESPACES = Path("/run/netns")


def exists() -> bool:
    """Tell whether the namespace and the link are there (a reboot takes both)."""
    # After an unmount the file is still there, but is no namespace: then its device is that of its folder.
    path = NAMESPACES / NAMESPACE
    mounted = path.exists() and path.stat().st_dev != NAMESPACES.stat().st_dev
    return mounted and Path(f"/sys/class/net/{HOST_LINK}").exists()


def create() -> None:
    """Make the namespace, with one address at each end of the link."""
    run("ip", "netns", "add", NAMESPACE)
    run("ip", "link", "add", HOST_LINK, "type", "veth", "peer", "name", "eth0", "netns", NAMESPACE)
    run("ip", "addr", "add", f"{HOST_ADDRESS}/{LINK_PREFIX}", "dev", HOST_LINK)
    run("ip", "link", "set", HOST_LINK, "up")
    _inside("ip", "link", "set", "lo", "up")
    _inside("ip", "addr", "add", f"{NODE_ADDRESS}/{LINK_PREFIX}", "dev", "eth0")
    _inside("ip", "link", "set", "eth0", "up")
    # The kubelet finds its address by the default route.
    _inside("ip", "route", "add", "default", "via", HOST_ADDRESS)
    _inside("sysctl", "-qw", "net.ipv4.ip_forward=1")


def delete() -> None:
    """Remove both; refuse while somebody else's processes are inside."""
    path = NAMESPACES / NAMESPACE
    if exists() and (pids := run("ip", "netns", "pids", NAMESPACE).split()):
        raise ProviderError(
            f"the network namespace {NAMESPACE} is used by processes that are not of this cluster: "
            f"{' '.join(pids)}. Another DJANGOTASKS_CLUSTER_STATE? Take that cluster down first."
        )
    # The link first: the kernel takes it with the namespace too, but some time later.
    if Path(f"/sys/class/net/{HOST_LINK}").exists():
        run("ip", "link", "del", HOST_LINK)
    if path.exists():
        run("ip", "netns", "del", NAMESPACE)


def _inside(*argv: str) -> None:
    run("nsenter", f"--net={NAMESPACES / NAMESPACE}", *argv)
