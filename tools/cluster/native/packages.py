"""The Debian packages that the native cluster needs, installed when a file of theirs is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster.commands import find_program, run
from tools.cluster.errors import ProviderError

if TYPE_CHECKING:
    from tools.cluster.progress import Progress

# Package: a program, or the path of a file, that shows it is there.
NEEDED = {
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iproute2": "ip",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ipset": "ipset",
    "socat": "socat",
    "ethtool": "ethtool",
    "openssl": "openssl",
    "procps": "sysctl",
    "util-linux": "nsenter",
    "mount": "umount",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
}


def missing() -> list[str]:
    """Return the packages that are not installed."""

    def there(evidence: str) -> bool:
        return Path(evidence).exists() if evidence.startswith("/") else find_program(evidence) is not None

    return [package for package, evidence in NEEDED.items() if not there(evidence)]


def ensure(progress: Progress) -> None:
    """Install what is missing."""
    packages = missing()
    if not packages:
        return
    if find_program("apt-get") is None:
        raise ProviderError(f"install these first (Debian's names): {' '.join(packages)}")
    progress.say("packages", f"installing {' '.join(packages)}")
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-q", env=env)
    run("apt-get", "install", "-q", "-y", "--no-install-recommends", *packages, env=env)
    if still := missing():
        raise ProviderError(f"installed, but not found: {' '.join(still)}")
    progress.say("packages", "installed")
