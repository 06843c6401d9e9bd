"""The provider for Linux machines without a container engine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tools.cluster import programs
from tools.cluster.errors import ProviderError
from tools.cluster.golang import pause, toolchain
from tools.cluster.golang.builder import Builder
from tools.cluster.golang.recipes import recipes
from tools.cluster.images import ROOT, Target
from tools.cluster.locks import exclusive
from tools.cluster.native import config, images, judge, packages
from tools.cluster.native.cluster import Cluster
from tools.cluster.native.layout import CONTEXT, HOST_ADDRESS, NODE1, Layout
from tools.cluster.settings import state_folder, versions

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cluster.progress import Progress


class NativeProvider:
    """Kubernetes as processes of this machine, in a network namespace of their own."""

    name = "native"
    context = CONTEXT

    def __init__(self, progress: Progress) -> None:
        if sys.platform != "linux" or os.geteuid() != 0:
            raise ProviderError("the native cluster needs Linux and root: use sudo, or kind.")
        self._progress = progress
        self._layout = Layout(state_folder())
        self._cluster = Cluster(self._layout, versions(), progress)

    @property
    def kubeconfig(self) -> Path:
        return self._layout.kubeconfig()

    def up(self) -> Path:
        packages.ensure(self._progress)
        self.build_programs()
        with exclusive(self._layout.state / "lock", self._progress):
            self._cluster.up()
        return self.kubeconfig

    def down(self) -> None:
        with exclusive(self._layout.state / "lock", self._progress):
            self._cluster.down()

    def healthy(self) -> bool:
        return judge.judge(self._cluster.observe(patience=3))[0] is judge.Action.NOTHING

    def host_address(self) -> str:
        return HOST_ADDRESS

    def build_image(self, target: Target, ref: str, context: Path = ROOT) -> None:
        packages.ensure(self._progress)
        images.build(self._layout, target, ref, context, self._progress)

    def load_image(self, ref: str) -> None:
        images.load(self._layout, NODE1, ref, self._progress)

    def program(self, name: str) -> Path:
        state, progress = self._layout.state, self._progress
        # kubectl is built with the rest of Kubernetes: that costs little.
        return programs.build(name, state, progress) if name == "kubectl" else programs.find(name, state, progress)

    def build_programs(self) -> None:
        """Build what a running cluster needs; the first time this takes a while."""
        state = self._layout.state
        known = recipes(versions())
        Builder(state, self._progress).ensure(*(known[name] for name in ("kubernetes", "kubectl", "containerd")))
        if not self._layout.pause_image.exists():
            go = toolchain.find_go(state, self._progress)
            pause.build(go, self._layout.build / "pause", config.PAUSE, self._layout.pause_image)
            self._progress.say("pause", "built")
