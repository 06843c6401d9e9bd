"""A second node for the native cluster, to be killed: kubelet and containerd in a network namespace of their own.

It hangs on the first node's namespace, not on the machine's, so nothing is changed outside of the cluster. Its pods
have cgroups of their own root: a kubelet removes those below its root that it does not know. There is no kube-proxy.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any, Self

from tools.cluster.commands import run, succeeds
from tools.cluster.images import full_name
from tools.cluster.locks import exclusive
from tools.cluster.native import api, config, identity, node, pki
from tools.cluster.native.cleanup import MOUNTS, mounts_below
from tools.cluster.native.layout import NAMESPACE, NODE1, Layout, Node
from tools.cluster.native.processes import Supervisor
from tools.cluster.progress import Progress
from tools.cluster.settings import state_folder

NODE = Node("node2", "198.18.254.10", "198.18.128.0/18")
GATEWAY = "198.18.254.9"
NETNS = "djangotasks-node2"
LINK = "node2"
CGROUP = "djangotasks-node2"
CGROUPS = Path("/sys/fs/cgroup")
TAINT = "djangotasks.dev/second-node"
# Pods reach the machine under the first node's address.
MASQUERADE = ("POSTROUTING", "-s", f"{NODE.address}/32", "-o", "eth0", "-j", "MASQUERADE")


class SecondNode:
    """Use as a context manager: the node is ready inside, with the image loaded. One at a time on this machine."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._layout = Layout(state_folder())
        self._progress = Progress()
        self._supervisor = Supervisor(self._layout.run, self._progress)
        self._stack = contextlib.ExitStack()
        self._containerd, self._kubelet, _ = node.names(NODE)

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.enter_context(exclusive(self._layout.state / "node2.lock", self._progress))
            self._remove()
            self._stack.callback(self._remove)
            self._link()
            # An image is tens of thousands of files, for which some disks take a minute; memory is gone at once, too.
            self._layout.node(NODE).mkdir(parents=True)
            run("mount", "-t", "tmpfs", "-o", "size=2g", LINK, self._layout.node(NODE))
            self._prepare()
            self._start()
            self._load()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def kill_kubelet(self) -> None:
        """What runs on the node runs on, and nobody hears of it from the node."""
        self._kill(self._processes(self._kubelet))

    def kill(self) -> None:
        """All that runs on it, as when the power fails."""
        self._kill(self._processes(self._kubelet, self._containerd) | self._shims())

    def _link(self) -> None:
        run("ip", "netns", "add", NETNS)
        run("ip", "link", "add", LINK, "netns", NAMESPACE, "type", "veth", "peer", "name", "eth0", "netns", NETNS)
        _inside(NAMESPACE, "ip", "addr", "add", f"{GATEWAY}/30", "dev", LINK)
        _inside(NAMESPACE, "ip", "link", "set", LINK, "up")
        _inside(NAMESPACE, "iptables", "-t", "nat", "-A", *MASQUERADE)
        _inside(NETNS, "ip", "link", "set", "lo", "up")
        _inside(NETNS, "ip", "addr", "add", f"{NODE.address}/30", "dev", "eth0")
        _inside(NETNS, "ip", "link", "set", "eth0", "up")
        _inside(NETNS, "ip", "route", "add", "default", "via", GATEWAY)
        _inside(NETNS, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def _prepare(self) -> None:
        layout = self._layout
        files = node.files(layout, NODE)
        kubelet: dict[str, Any] = json.loads(files["kubelet.json"])
        kubelet |= {"cgroupRoot": f"/{CGROUP}", "registerWithTaints": [{"key": TAINT, "effect": "NoSchedule"}]}
        files["kubelet.json"] = json.dumps(kubelet)
        for name, text in files.items():
            path = layout.node(NODE) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        pki.create_node(layout, NODE)
        for folder in _cgroups():
            folder.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                # Of a new cpuset of version 1 these are empty, and no process can be put into it.
                if (folder / name).exists() and not (folder / name).read_text().strip():
                    (folder / name).write_text((folder.parent / name).read_text())

    def _start(self) -> None:
        layout, supervisor = self._layout, self._supervisor
        supervisor.start(
            self._containerd,
            layout.bin / "containerd",
            *("-c", layout.node(NODE) / "containerd.toml"),
            namespace=NETNS,
            path=layout.bin,
        )
        supervisor.wait(self._containerd, lambda: succeeds(*node.ctr(layout, NODE), "version"), seconds=30)
        run(*node.ctr(layout, NODE), "images", "import", layout.pause_image)
        flags = config.kubelet_flags(layout, NODE)
        supervisor.start(self._kubelet, layout.bin / "kubelet", *flags, namespace=NETNS)
        supervisor.wait(self._kubelet, lambda: api.node_ready(layout.pki, NODE.name), seconds=60, what="node Ready")

    def _load(self) -> None:
        """From the first node: quicker than from where images are built."""
        with tempfile.TemporaryDirectory(dir=self._layout.node(NODE)) as folder:
            archive = Path(folder) / "image.tar"
            run(*node.ctr(self._layout, NODE1), "images", "export", archive, full_name(self._image))
            run(*node.ctr(self._layout, NODE), "images", "import", "--local", archive)
        self._progress.say(self._image, "loaded on the second node")

    def _remove(self) -> None:
        """Whatever an earlier run may have left, too."""
        layout = self._layout
        self.kill()
        for point in mounts_below(layout.node(NODE), MOUNTS.read_text()):
            run("umount", "-l", point)
        shutil.rmtree(layout.node(NODE), ignore_errors=True)
        for folder in _cgroups():
            for inner in sorted(folder.rglob("*/"), reverse=True):
                with contextlib.suppress(OSError):
                    inner.rmdir()
            with contextlib.suppress(OSError):
                folder.rmdir()
        succeeds("nsenter", f"--net=/run/netns/{NAMESPACE}", "iptables", "-t", "nat", "-D", *MASQUERADE)
        succeeds("nsenter", f"--net=/run/netns/{NAMESPACE}", "ip", "link", "del", LINK)
        succeeds("ip", "netns", "del", NETNS)
        kubectl = ("kubectl", "--kubeconfig", layout.kubeconfig(), "delete", "node", NODE.name, "--ignore-not-found")
        run(layout.bin / kubectl[0], *kubectl[1:])

    def _processes(self, *names: str) -> set[identity.Identity]:
        """By their pid files."""
        found = set()
        for name in names:
            with contextlib.suppress(OSError):
                who = identity.parse((self._layout.pids / f"{name}.pid").read_text())
                if who is not None and identity.identify(who.pid) == who:
                    found.add(who)
        return found

    def _shims(self) -> set[identity.Identity]:
        """The shims of this node's containerd, which name its socket, and what they run."""
        socket = str(self._layout.containerd_socket(NODE)).encode()
        parents, shims = {}, set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, IndexError, ValueError):
                    parents[int(entry.name)] = identity.parse_stat((entry / "stat").read_text())[1]
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    if b"shim" in words[0] and socket in words:
                        shims.add(int(entry.name))
        pids = identity.descendants(shims, parents)
        return {who for pid in pids if (who := identity.identify(pid)) is not None}

    def _kill(self, processes: set[identity.Identity]) -> None:
        for who in processes:
            _kill_this(who)


def _kill_this(who: identity.Identity) -> None:
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(who.pid)
        try:
            if identity.identify(who.pid) == who:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def _cgroups() -> list[Path]:
    """This node's folder in every hierarchy that there is."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / CGROUP]
    return [folder / CGROUP for folder in CGROUPS.iterdir() if folder.is_dir() and not folder.is_symlink()]


def _inside(namespace: str, *argv: str) -> None:
    run("nsenter", f"--net=/run/netns/{namespace}", *argv)
