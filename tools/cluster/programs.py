"""Finds kubectl, helm, kwok and kind: on PATH where the version fits, or built from their modules."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster.commands import find_program, run
from tools.cluster.errors import ProviderError
from tools.cluster.golang.builder import Builder
from tools.cluster.golang.recipes import recipe_of
from tools.cluster.settings import versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.cluster.progress import Progress

# What makes a program say its version. It also shows that a program of this name is the real one.
PROBES = {"kubectl": ("version", "--client"), "helm": ("version",), "kind": ("version",)}
VERSION = re.compile(r"\bv?((\d+)\.(\d+)\.\d+)")
PROBE_SECONDS = 30
Minor = tuple[int, int]
# Which versions do beside the one that is wanted; of other programs any does.
FITS: dict[str, Callable[[Minor, Minor], bool]] = {
    # Kubernetes' own promise: one minor version older or newer than the API server.
    "kubectl": lambda found, wanted: found[0] == wanted[0] and abs(found[1] - wanted[1]) <= 1,
    # Options that are used here came with Helm 4.
    "helm": lambda found, wanted: found[0] == wanted[0],
    # It is used with the stages of the version that is wanted.
    "kwok": lambda found, wanted: found == wanted,
}


def find(name: str, state: Path, progress: Progress, version: str = "") -> Path:
    """Return a program from PATH that fits the version, else build it. The default is the settings' version."""
    return on_path(name, version or wanted_version(name), progress) or build(name, state, progress, version)


def on_path(name: str, version: str, progress: Progress) -> Path | None:
    """Return a program from PATH, if there is one that fits the version."""
    found = find_program(name)
    if found is None:
        return None
    if not is_fitting(name, Path(found), version):
        progress.say(name, f"{found} is not taken: it does not fit {version}")
        return None
    return Path(found)


def is_fitting(name: str, program: Path, version: str) -> bool:
    """Tell whether a program runs here, and fits the version; of an empty version every program does."""
    try:
        said = run(program, *PROBES.get(name, ("--version",)), seconds=PROBE_SECONDS)
    except (ProviderError, OSError):
        return False
    found, wanted, fits = minor_version(said), minor_version(version), FITS.get(name)
    return fits is None or wanted is None or (found is not None and fits(found, wanted))


def minor_version(text: str) -> Minor | None:
    """Return the first version in a text, without its patch: (1, 37) of `Client Version: v1.37.2`."""
    found = VERSION.search(text)
    return (int(found[2]), int(found[3])) if found else None


def plain_version(text: str) -> str:
    """Return the first version in a text, without prefix and suffix: `1.33.4` of `v1.33.4-gke.100`; else nothing."""
    found = VERSION.search(text)
    return found[1] if found else ""


def wanted_version(name: str) -> str:
    """Return the version of a program in the settings; empty for one that nothing here builds."""
    recipe = recipe_of(name, versions())
    return recipe.version if recipe else ""


def build(name: str, state: Path, progress: Progress, version: str = "") -> Path:
    """Return a program built from its module. `version`: another Kubernetes' than that of the settings."""
    chosen = replace(versions(), kubernetes=version) if version else versions()
    recipe = recipe_of(name, chosen)
    if recipe is None:
        raise ProviderError(f"nothing here builds a program called {name!r}")
    builder = Builder(state, progress)
    builder.ensure(recipe)
    return builder.bin / name
