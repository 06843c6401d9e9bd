"""Finds kubectl, helm and kwok: on PATH, or built from their modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.providers.commands import find_program, succeeds
from tests.cluster.providers.errors import ProviderError
from tests.cluster.providers.golang.builder import Builder
from tests.cluster.providers.golang.recipes import recipe_of
from tests.cluster.providers.settings import versions

if TYPE_CHECKING:
    from tests.cluster.providers.progress import Progress

# What shows that a program of this name on PATH is the real one.
PROBES = {"kubectl": ("version", "--client"), "helm": ("version",), "kwok": ("--version",), "kind": ("version",)}


def find(name: str, state: Path, progress: Progress) -> Path:
    """Return a program from PATH, else build it."""
    found = find_program(name)
    if found is not None and succeeds(found, *PROBES.get(name, ("--version",))):
        return Path(found)
    return build(name, state, progress)


def build(name: str, state: Path, progress: Progress) -> Path:
    """Return a program built from its module, of the version in the settings."""
    recipe = recipe_of(name, versions())
    if recipe is None:
        raise ProviderError(f"nothing here builds a program called {name!r}")
    builder = Builder(state, progress)
    builder.ensure(recipe)
    return builder.bin / name
