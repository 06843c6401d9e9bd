"""Waits for moments in which the machine is not busy with something else. Linux; elsewhere it does not wait."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

STAT = Path("/proc/stat")
WINDOW_SECONDS = 0.3
BUSY_MAX = 0.35
# For all pairs of a benchmark together: on a machine that is never calm, the figures are what they are.
PATIENCE_SECONDS = 60.0
# user nice system idle iowait irq softirq steal: https://docs.kernel.org/filesystems/proc.html
FIELDS = slice(1, 9)
IDLE = (3, 4)


class Times(NamedTuple):
    """Of all processors, since the machine started, in the kernel's ticks."""

    busy: int
    all: int


class Calm:
    """Called before each pair: returns when little is going on, or when the patience for all pairs is used up."""

    def __init__(self) -> None:
        self._patience = PATIENCE_SECONDS if STAT.exists() else 0.0

    def __call__(self) -> None:
        if self._patience <= 0:
            return
        began, before = time.monotonic(), times(STAT.read_text())
        while time.monotonic() - began < self._patience:
            time.sleep(WINDOW_SECONDS)
            now = times(STAT.read_text())
            if busy_share(before, now) <= BUSY_MAX:
                break
            before = now
        self._patience -= time.monotonic() - began


def times(stat: str) -> Times:
    ticks = [int(text) for text in stat.partition("\n")[0].split()[FIELDS]]
    total = sum(ticks)
    return Times(total - sum(ticks[field] for field in IDLE), total)


def busy_share(before: Times, after: Times) -> float:
    """From 0 to 1, of all processors together."""
    return (after.busy - before.busy) / max(1, after.all - before.all)
