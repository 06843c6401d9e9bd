"""A program of the benchmarks in a process of its own: ready when the block begins, and gone after it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# What it prints once it is.
READY = "ready"


class Child:
    """`pid`: of the process, which answers lines by lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def ask(self, line: str) -> str:
        """Send a line, and return the next one that it prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def child(first: str, log_path: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[Child]:
    """`first`: the line that it gets before it is ready. `arguments`: of Python."""
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        this = Child(process)
        assert this.ask(first) == READY, log_path.read_text()
        yield this
        assert process.poll() is None, log_path.read_text()
    finally:
        process.kill()
        process.communicate()
