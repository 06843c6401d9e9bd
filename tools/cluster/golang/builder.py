"""Builds recipes into the cache, once per version."""

from __future__ import annotations

import json
import shutil
import time
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from tools.cluster.golang import estimate, modfile, toolchain
from tools.cluster.golang.process import run_go
from tools.cluster.golang.recipes import KUBERNETES, executable
from tools.cluster.locks import exclusive
from tools.cluster.progress import wait_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.cluster.golang.recipes import Recipe
    from tools.cluster.progress import Progress

STALE = "{{if .Stale}}{{.ImportPath}}{{end}}"
# Nobody debugs these programs: no debug information is made, and none is linked.
COMPILER_FLAGS, LINKER_FLAGS = "all=-dwarf=false", "-s -w"


class Builder:
    """Builds into <state>/bin; <state>/versions.json says which version of each program is there."""

    def __init__(self, state: Path, progress: Progress) -> None:
        self._state = state
        self._progress = progress
        self.bin = state / "bin"

    def ensure(self, *recipes: Recipe) -> None:
        """Build those recipes of which this version is not there; in one go, where they can be."""
        if not self._missing(recipes):
            return
        with exclusive(self._state / "build.lock", self._progress):
            for _, group in groupby(self._missing(recipes), key=lambda recipe: recipe.requires):
                self._build(list(group))

    def _missing(self, recipes: Sequence[Recipe]) -> list[Recipe]:
        there = self._versions()
        return [
            recipe
            for recipe in recipes
            if any(there.get(name) != recipe.version or not (self.bin / name).exists() for name in recipe.programs)
        ]

    def _build(self, recipes: list[Recipe]) -> None:
        name = " and ".join(f"{recipe.name} {recipe.version}" for recipe in recipes)
        began = time.monotonic()
        go = toolchain.find_go(self._state, self._progress)
        folder = self._state / "build" / recipes[0].name
        # What an aborted or older build left must not decide this one. Go's own cache keeps it quick.
        shutil.rmtree(folder, ignore_errors=True)
        out = folder / "out"
        out.mkdir(parents=True)
        (folder / "go.mod").write_text(self._go_mod(go, recipes[0]))
        packages = [package for recipe in recipes for package in recipe.packages]
        variables = " ".join(f"-X {variable}" for recipe in recipes for variable in recipe.variables)
        tags = ",".join(tag for recipe in recipes for tag in recipe.tags)
        flags = ("-trimpath", "-tags", tags, f"-gcflags={COMPILER_FLAGS}", "-ldflags", f"{LINKER_FLAGS} {variables}")

        run = partial(run_go, go, folder, progress=self._progress)
        stale = run("list", *flags, "-deps", "-f", STALE, *packages, so_far=fetched_text)
        # A path has no space, and a message of go has one.
        todo = len({line for line in stale if line and " " not in line})
        self._progress.say(name, plan_text(todo))
        started = time.monotonic()
        run(
            *("build", "-v", *flags, "-o", f"{out}/", *packages),
            so_far=lambda lines: done_text(len(lines), todo, time.monotonic() - started),
        )
        self._install(out, recipes)
        self._progress.say(name, f"built in {wait_text(time.monotonic() - began)}")

    def _go_mod(self, go: Path, recipe: Recipe) -> str:
        requires = dict(recipe.requires)
        extra = ""
        if (version := requires.get(KUBERNETES)) is not None:
            text = toolchain.download(go, KUBERNETES, version)[1].read_text()
            extra = modfile.staging_replaces(text, version) + modfile.godebug(text)
        return modfile.render(requires, extra)

    def _install(self, out: Path, recipes: list[Recipe]) -> None:
        self.bin.mkdir(parents=True, exist_ok=True)
        built = {}
        for recipe in recipes:
            for package, program in zip(recipe.packages, recipe.programs, strict=True):
                # A rename, since a program that runs cannot be written to.
                (out / executable(package)).replace(self.bin / program)
                built[program] = recipe.version
        temporary = self._stamp().with_suffix(".new")
        temporary.write_text(json.dumps(self._versions() | built, indent=1, sort_keys=True) + "\n")
        temporary.replace(self._stamp())

    def _versions(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._stamp().read_text()))
        except (OSError, ValueError):
            return {}

    def _stamp(self) -> Path:
        return self._state / "versions.json"


def plan_text(packages: int) -> str:
    """Say how much is to be compiled, and how long that takes on this machine."""
    processors = estimate.processors()
    seconds = estimate.first(packages, probe_seconds=estimate.probe(), processors=processors)
    return (
        f"{packages} packages to compile, about {wait_text(seconds)} where this machine does nothing else "
        f"({processors} processors)"
    )


def done_text(done: int, packages: int, elapsed: float) -> str:
    """Say how far `go build -v` is, which writes a line for each package."""
    seconds = estimate.left(done, packages, elapsed)
    rest = "" if seconds is None else f", about {wait_text(seconds)} left"
    return f"{done} of {packages} packages compiled{rest}"


def fetched_text(lines: list[str]) -> str:
    """Say how far `go list` is, which writes a line for each module that it fetches."""
    return f"{sum(line.startswith('go: downloading') for line in lines)} modules fetched"


def module_folder(state: Path, progress: Progress, recipe: Recipe) -> Path:
    """Return the folder of a recipe's module in Go's cache, fetched when needed."""
    return toolchain.download(toolchain.find_go(state, progress), recipe.module, recipe.version)[0]
