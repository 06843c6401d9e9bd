"""What a process uses: CPU time and memory, as Linux counts them (https://docs.kernel.org/filesystems/proc.html)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MIB = 1024.0


@dataclass(frozen=True, slots=True)
class Usage:
    """`at`: on the clock of monotonic(). `cpu`: seconds, user and system. `rss`, `peak`: MiB."""

    at: float
    cpu: float
    rss: float
    peak: float

    @classmethod
    def of(cls, pid: int) -> Self:
        folder = Path("/proc") / str(pid)
        memory = memory_of((folder / "status").read_text())
        ticks = cpu_ticks((folder / "stat").read_text())
        return cls(time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), memory["VmRSS"], memory["VmHWM"])


def cpu_ticks(stat: str) -> int:
    """utime and stime, of all threads. The name before them may hold spaces and brackets."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def memory_of(status: str) -> dict[str, float]:
    """MiB by name: VmRSS, VmHWM (its peak), …"""
    lines = (line.split() for line in status.splitlines() if line.endswith(" kB"))
    return {parts[0].rstrip(":"): int(parts[1]) / MIB for parts in lines}


def cpu_per_task(before: Usage, after: Usage, idle_share: float, tasks: int) -> float:
    """ms a task. `idle_share`: what the process uses of a core when there is nothing to do."""
    idle = idle_share * (after.at - before.at)
    return max(0.0, after.cpu - before.cpu - idle) * 1000 / tasks


def core_share(before: Usage, after: Usage) -> float:
    """Of one core, on average between the two: 1 is all of it."""
    return (after.cpu - before.cpu) / max(0.001, after.at - before.at)
