"""A Chromium for the stories of the admin's pages: `python -m tools.browser` finds or installs it, and prints its path.

The driver, Playwright, is a Python package. The browsers that it would download are not needed.
"""

from __future__ import annotations

import os
from pathlib import Path

from tools.cluster.commands import find_program
from tools.cluster.errors import ProviderError
from tools.cluster.locks import exclusive
from tools.cluster.progress import Progress
from tools.cluster.settings import state_folder
from tools.debian import apt_get, can_install, print_path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
# With fonts for the signs of the phases, and for Arabic.
PACKAGES = ("chromium", "fonts-dejavu-core")


def ensure_chromium(progress: Progress) -> Path:
    """Return the path of a Chromium: that of the variable CHROMIUM, one that is found, or Debian's, which is installed.

    Raises ProviderError.
    """
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    if (found := find_chromium()) is not None:
        return found
    with exclusive(state_folder() / "browser.lock", progress):
        if find_chromium() is None:
            _install(progress)
    found = find_chromium()
    if found is None:
        raise ProviderError("Chromium is installed, but not found: set CHROMIUM to its path")
    return found


def find_chromium() -> Path | None:
    """Return the path of a Chromium of this machine."""
    found = next((path for name in NAMES if (path := find_program(name))), None)
    if found is not None:
        return Path(found)
    return MAC if MAC.exists() else None


def _install(progress: Progress) -> None:
    if not can_install():
        raise ProviderError("there is no Chromium here: install one, or set CHROMIUM to its path")
    progress.say("browser", f"installing {' '.join(PACKAGES)}")
    apt_get("install", "-y", "--no-install-recommends", *PACKAGES)
    progress.say("browser", "installed")


if __name__ == "__main__":
    print_path(ensure_chromium)
