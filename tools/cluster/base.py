"""What every provider of a cluster can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tools.cluster.images import ROOT, Target

if TYPE_CHECKING:
    from pathlib import Path


class Provider(Protocol):
    """A Kubernetes to test on."""

    @property
    def name(self) -> str:
        """`kind`, `native` or `current`."""

    @property
    def context(self) -> str:
        """The kubeconfig context of the cluster."""

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the cluster; the file exists while it is up."""

    def up(self) -> Path:
        """Bring the cluster up and return its kubeconfig. Nothing happens when it is up and healthy."""

    def down(self) -> None:
        """Remove the cluster. Nothing happens when there is none."""

    def healthy(self) -> bool:
        """Tell whether the cluster is up, changing nothing."""

    def host_address(self) -> str:
        """Return the address at which pods reach servers on this machine."""

    def build_image(self, target: Target, ref: str, context: Path = ROOT) -> None:
        """Build a target of the context's Dockerfile as `ref`, unless that image exists."""

    def load_image(self, ref: str) -> None:
        """Make an image of this machine available to pods as `ref`, unless it is."""

    def program(self, name: str) -> Path:
        """Return the path of kubectl, helm or kwok, building it when needed."""
