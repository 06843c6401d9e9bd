"""Runs other programs: the output is returned, a failure says what was run and what it said."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from tools.cluster.errors import ProviderError, last_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Root's PATH lacks these on some Debian machines; runc, iptables and ip live there.
SYSTEM_PATHS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with the system folders on PATH."""
    path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":")
    path += [folder for folder in SYSTEM_PATHS if folder not in path]
    return {**os.environ, "PATH": ":".join(path), **(extra or {})}


def find_program(name: str) -> str | None:
    """Return the path of a program, on PATH or in a system folder."""
    return shutil.which(name, path=environment()["PATH"])


def run(
    *argv: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    seconds: float | None = None,
) -> str:
    """Run a program to its end and return its stdout.

    Raises ProviderError when it fails, does not exist, or takes more than so many seconds.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=environment(env),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except FileNotFoundError as error:
        raise ProviderError(f"{words[0]} is not installed: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise ProviderError(f"`{shlex.join(words)}` took more than {seconds:.0f} s") from error
    if done.returncode != 0:
        said = last_lines(done.stdout + done.stderr)
        raise ProviderError(f"`{shlex.join(words)}` ended with {done.returncode}:\n{said}")
    return done.stdout


def succeeds(*argv: str | Path, seconds: float | None = None) -> bool:
    """Tell whether a program exists and ends with 0; its output is thrown away."""
    try:
        run(*argv, seconds=seconds)
    except ProviderError:
        return False
    return True
