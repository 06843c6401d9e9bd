"""One line a step on stderr: seconds since the start, the component, what came of it."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """Prints `[  3.2s] kube-apiserver: ready`."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out
        self._began = time.monotonic()

    def say(self, component: str, what: str) -> None:
        # stderr is looked up late: pytest replaces it between tests.
        print(f"[{self.elapsed():5.1f}s] {component}: {what}", file=self._out or sys.stderr, flush=True)

    def elapsed(self) -> float:
        return time.monotonic() - self._began


def wait_text(seconds: float) -> str:
    """Write a duration as a person would: `45 s`, `12 min`."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
