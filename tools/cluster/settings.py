"""What the environment may set, and the versions used when it sets nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PREFIX = "DJANGOTASKS_"


@dataclass(frozen=True)
class Versions:
    """Versions of what the native provider builds. A changed one is built again by the next `up`."""

    kubernetes: str = "1.37.2"
    containerd: str = "2.4.2"
    helm: str = "4.3.1"
    kwok: str = "0.8.0"
    kind: str = "0.33.0"
    versitygw: str = "1.8.0"


def setting(name: str, default: str = "") -> str:
    """Return the environment variable DJANGOTASKS_<name>."""
    return os.environ.get(PREFIX + name, "").strip() or default


def versions() -> Versions:
    """Return the versions to use: DJANGOTASKS_KUBERNETES_VERSION and the like override the defaults."""
    default = Versions()
    return Versions(**{name: setting(f"{name.upper()}_VERSION", value) for name, value in vars(default).items()})


def state_folder() -> Path:
    """Return the folder of binaries, images and the running cluster: shared by all checkouts."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(setting("CLUSTER_STATE") or cache / "djangotasks-cluster")
