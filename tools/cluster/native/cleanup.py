"""Removes a cluster, whole or in pieces: whatever an `up` may have left at any point."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster.commands import run
from tools.cluster.native import network

if TYPE_CHECKING:
    from tools.cluster.native.layout import Layout
    from tools.cluster.native.processes import Supervisor

MOUNTS = Path("/proc/self/mounts")
CNI_RESULTS = Path("/var/lib/cni/results")
CONTAINER_LOGS = Path("/var/log/containers")


def mounts_below(folder: Path, table: str) -> list[str]:
    """Return the mount points below a folder, innermost first, from the text of /proc/self/mounts.

    Spaces and the like are written there as octal escapes.
    """
    points = [line.split(" ")[1] for line in table.splitlines()]
    plain = [point.encode().decode("unicode_escape").encode("latin-1").decode() for point in points]
    # A point mounted twice is listed twice, and has to be unmounted twice.
    return sorted((point for point in plain if Path(point).is_relative_to(folder)), reverse=True)


def remove(layout: Layout, supervisor: Supervisor) -> int:
    """Stop the cluster's processes, then unmount, then delete; return how many processes there were."""
    stopped = supervisor.stop_all()
    for point in mounts_below(layout.run, MOUNTS.read_text()):
        run("umount", "-l", point)
    network.delete()
    shutil.rmtree(layout.run, ignore_errors=True)
    if layout.run.exists():
        run("rm", "-rf", layout.run)  # says what is in the way
    _forget_pods(layout.run)
    return stopped


def _forget_pods(run_folder: Path) -> None:
    """Delete what kubelet and CNI keep of our pods in folders of the machine."""
    for link in CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(run_folder):
            link.unlink(missing_ok=True)
    for result in CNI_RESULTS.glob("*"):
        if f'"{run_folder}/' in result.read_text():
            result.unlink(missing_ok=True)
