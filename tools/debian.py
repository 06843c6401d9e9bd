"""The programs that tests run, from Debian's packages where they are missing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tools.cluster.commands import find_program, run
from tools.cluster.errors import ProviderError
from tools.cluster.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 900.0


def can_install() -> bool:
    """Tell whether this is a Debian, or one of its kind, and this user root."""
    return find_program("apt-get") is not None and os.geteuid() == 0


def apt_get(*arguments: str, cwd: Path | None = None) -> None:
    """Run apt-get after an update. Raises ProviderError."""
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    # The cluster may be installing its own packages.
    apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")
    run(*apt, "update", env=env, seconds=SECONDS)
    run(*apt, *arguments, cwd=cwd, env=env, seconds=SECONDS)


def print_path(ensure: Callable[[Progress], Path]) -> None:
    """Find or install a program, and print its path; or say what is wrong, and exit with 1."""
    progress = Progress()
    try:
        print(ensure(progress))
    except ProviderError as error:
        progress.say("error", str(error))
        sys.exit(1)
