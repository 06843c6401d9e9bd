"""Builds a recipe into the cache, once per version."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from tests.cluster.providers.commands import environment
from tests.cluster.providers.errors import ProviderError, with_log
from tests.cluster.providers.golang import modfile, toolchain
from tests.cluster.providers.locks import exclusive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.providers.golang.recipes import Recipe
    from tests.cluster.providers.progress import Progress

REPORT_EVERY = 20  # seconds


class Builder:
    """Builds into <state>/bin; <state>/versions.json says which version is there."""

    def __init__(self, state: Path, progress: Progress) -> None:
        self._state = state
        self._progress = progress
        self.bin = state / "bin"

    def ensure(self, recipe: Recipe) -> None:
        """Build the recipe unless this version of it is there."""
        if self._is_built(recipe):
            return
        with exclusive(self._state / "build.lock", self._progress):
            if self._is_built(recipe):
                return
            self._progress.say(recipe.name, f"building {recipe.version}: about {recipe.minutes} min at first")
            began = time.monotonic()
            self._build(recipe)
            self._record(recipe)
            self._progress.say(recipe.name, f"built in {time.monotonic() - began:.0f} s")

    def _is_built(self, recipe: Recipe) -> bool:
        there = all((self.bin / program).exists() for program in recipe.programs)
        return there and self._versions().get(recipe.name) == recipe.version

    def _build(self, recipe: Recipe) -> None:
        go = toolchain.find_go(self._state, self._progress)
        folder = self._state / "build" / recipe.name
        # What an aborted or older build left must not decide this one. Go's own cache keeps it quick.
        shutil.rmtree(folder, ignore_errors=True)
        out = folder / "out"
        out.mkdir(parents=True)
        (folder / "go.mod").write_text(self._go_mod(go, recipe))
        self._go(go, recipe, folder, "mod", "tidy")
        variables = " ".join(f"-X {variable}" for variable in recipe.variables)
        flags = ["-v", "-trimpath", "-tags", recipe.tags, "-ldflags", f"-s -w {variables}"]
        self._go(go, recipe, folder, "build", *flags, "-o", f"{out}/", *recipe.packages)
        self.bin.mkdir(parents=True, exist_ok=True)
        for program in recipe.programs:
            # The package of etcd's program is called `server`, and its file after its module's version: v3.
            made = next(p for p in (out / program, out / "server", out / "v3") if p.exists())
            # A rename, since a program that runs cannot be written to.
            made.replace(self.bin / program)

    def _go_mod(self, go: Path, recipe: Recipe) -> str:
        extra = ""
        if recipe.name == "kubernetes":
            text = toolchain.download(go, recipe.module, recipe.version)[1].read_text()
            extra = modfile.staging_replaces(text, recipe.version) + modfile.godebug(text)
        return modfile.render({recipe.module: recipe.version}, recipe.packages, extra)

    def _go(self, go: Path, recipe: Recipe, folder: Path, *argv: str) -> None:
        """Run go with a line of progress now and then: the longest step takes a quarter of an hour."""
        log = folder / f"go-{argv[0]}.log"
        env = environment({"GOFLAGS": "-mod=mod", "CGO_ENABLED": "0", "GOTOOLCHAIN": "auto"})
        with log.open("wb") as out:
            process = subprocess.Popen(
                [go, *argv], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
            try:
                while not _ends_within(process, REPORT_EVERY):
                    # `go mod` writes a line for each module it fetches, `go build -v` for each package.
                    lines = log.read_bytes().count(b"\n")
                    what = "packages compiled" if argv[0] == "build" else "modules fetched"
                    self._progress.say(recipe.name, f"go {argv[0]}: {lines} {what} so far")
            except BaseException:
                process.kill()  # interrupted: a build must not go on unseen
                raise
        if process.returncode != 0:
            raise ProviderError(with_log(f"{recipe.name}: `go {argv[0]}` failed", log))

    def _versions(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._stamp().read_text()))
        except (OSError, ValueError):
            return {}

    def _record(self, recipe: Recipe) -> None:
        versions = {**self._versions(), recipe.name: recipe.version}
        temporary = self._stamp().with_suffix(".new")
        temporary.write_text(json.dumps(versions, indent=1, sort_keys=True) + "\n")
        temporary.replace(self._stamp())

    def _stamp(self) -> Path:
        return self._state / "versions.json"


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def module_folder(state: Path, progress: Progress, recipe: Recipe) -> Path:
    """Return the folder of a recipe's module in Go's cache, fetched when needed."""
    return toolchain.download(toolchain.find_go(state, progress), recipe.module, recipe.version)[0]
