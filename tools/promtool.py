"""Prometheus' promtool, which computes when alerts fire: `python -m tools.promtool` finds it, and prints its path.

Else it takes it out of Debian's package. That is not installed: it would start a Prometheus.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tools.cluster.commands import find_program, run
from tools.cluster.errors import ProviderError
from tools.cluster.locks import exclusive
from tools.cluster.progress import Progress
from tools.cluster.settings import state_folder
from tools.debian import apt_get, can_install, print_path


def ensure_promtool(progress: Progress) -> Path:
    """Return the path of a promtool: that of the variable PROMTOOL, the one on PATH, or Debian's.

    Raises ProviderError.
    """
    if named := os.environ.get("PROMTOOL") or find_program("promtool"):
        return Path(named)
    made = state_folder() / "bin" / "promtool"
    with exclusive(state_folder() / "promtool.lock", progress):
        if not made.exists():
            _unpack(made, progress)
    return made


def _unpack(made: Path, progress: Progress) -> None:
    if not can_install():
        raise ProviderError("there is no promtool here: install Prometheus, or set PROMTOOL to its path")
    progress.say("promtool", "unpacking Debian's package prometheus")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # apt-get drops root's rights for a download.
        Path(folder).chmod(0o777)
        apt_get("download", "prometheus", cwd=Path(folder))
        (package,) = Path(folder).glob("prometheus_*.deb")
        run("dpkg-deb", "--extract", package, folder)
        made.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / "usr/bin/promtool", made)
    progress.say("promtool", "unpacked")


if __name__ == "__main__":
    print_path(ensure_promtool)
