"""Chooses the provider: what the environment says, else what this machine can do."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tools.cluster import engine
from tools.cluster.errors import ProviderError
from tools.cluster.progress import Progress
from tools.cluster.settings import setting

if TYPE_CHECKING:
    from tools.cluster.base import Provider

NAMES = ("kind", "native", "current")


def provider_name(wanted: str, *, engine: bool, linux: bool, root: bool) -> str:
    """Return the provider's name.

    Raises ProviderError with the ways out when there is none for this machine.
    """
    if wanted:
        if wanted not in NAMES:
            raise ProviderError(f"DJANGOTASKS_CLUSTER={wanted}: choose one of {', '.join(NAMES)}.")
        return wanted
    if engine:
        return "kind"
    if linux and root:
        return "native"
    raise ProviderError(
        "No cluster can be made here. Either start a container engine (`docker info` or `podman info` must succeed) "
        "for kind, or run as root on Linux for a native one, or use a running test cluster with "
        "DJANGOTASKS_CLUSTER=current and KUBECONFIG."
    )


def choose(progress: Progress | None = None) -> Provider:
    """Return the provider to use."""
    progress = progress or Progress()
    wanted = setting("CLUSTER")
    found = engine.find() if wanted in {"", "kind"} else None
    name = provider_name(
        wanted,
        engine=found is not None,
        linux=sys.platform == "linux",
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
    )
    # Imported late: the native provider needs Linux.
    match name:
        case "kind":
            from tools.cluster.kind import KindProvider

            return KindProvider(progress, found)
        case "current":
            from tools.cluster.current import CurrentProvider

            return CurrentProvider(progress)
        case _:
            from tools.cluster.native.provider import NativeProvider

            return NativeProvider(progress)
