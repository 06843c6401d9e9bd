"""Runs go to its end, with a line of progress now and then: the longest step takes a quarter of an hour."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tools.cluster.commands import environment
from tools.cluster.errors import ProviderError, with_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.cluster.progress import Progress

REPORT_EVERY = 20  # seconds
ENVIRONMENT = {
    "GOFLAGS": "-mod=mod",
    "CGO_ENABLED": "0",
    "GOTOOLCHAIN": "auto",
    # The compiler's heaps live for seconds: to collect them less often costs memory and saves CPU time.
    "GOGC": "400",
}


def run_go(go: Path, folder: Path, *argv: str, progress: Progress, so_far: Callable[[list[str]], str]) -> list[str]:
    """Run a go command in a folder and return the lines that it wrote. `so_far` says what they mean.

    Raises ProviderError when it fails.
    """
    log = folder / f"go-{argv[0]}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [go, *argv], cwd=folder, env=environment(ENVIRONMENT), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        try:
            while not _ends_within(process, REPORT_EVERY):
                progress.say(f"go {argv[0]}", so_far(log.read_text().splitlines()))
        except BaseException:
            process.kill()  # interrupted: a build must not go on unseen
            raise
    if process.returncode != 0:
        raise ProviderError(with_log(f"`go {argv[0]}` failed", log))
    return log.read_text().splitlines()


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
