"""How long a build takes on this machine: by its speed at first, then by what is done, which includes other work."""

from __future__ import annotations

import os
import time

PROBE_LOOPS = 2_000_000
# Measured on one machine: what the probe takes there, and the CPU time of a package, over the 914 of kubectl.
REFERENCE_PROBE_SECONDS = 0.13
PACKAGE_SECONDS = 0.23


def probe() -> float:
    """Return the CPU seconds of a fixed piece of work on this machine, the best of three: other work does not count."""

    def once() -> float:
        began = time.process_time()
        total = 0
        for number in range(PROBE_LOOPS):
            total += number & 7
        return time.process_time() - began

    return min(once() for _ in range(3))


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def first(packages: int, *, probe_seconds: float, processors: int) -> float:
    """Return the seconds that so many packages take a machine that does nothing else, before any is compiled."""
    return packages * PACKAGE_SECONDS * (probe_seconds / REFERENCE_PROBE_SECONDS) / processors


def left(done: int, packages: int, elapsed: float) -> float | None:
    """Return the seconds that are left when the rest goes as what is done went; None before anything is done."""
    return elapsed * max(packages - done, 0) / done if done else None
