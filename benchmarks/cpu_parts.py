"""Where a machine's CPU time goes, by process: of those that end meanwhile, too. Linux.

Of a process that runs all the time, its time before is taken from that after. New ones are read again and again, every
few milliseconds, because nothing is left of them when they have ended: what they do between the last reading and their
end is in no part. `unseen` has it, with interrupts and what came and went between two readings.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.calm import STAT, times
from benchmarks.process import cpu_ticks

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

PROC = Path("/proc")
EVERY_SECONDS = 0.02
MS_PER_TICK = 1000 / os.sysconf("SC_CLK_TCK")
# By the beginning of a process's name, of which the kernel keeps 15 characters. The first that fits counts.
PARTS = {
    "kubelet": "kubelet",
    "containerd-shim": "shims",
    "containerd": "containerd",
    "runc": "runc",
    "etcd": "etcd",
    "kube-apiserver": "apiserver",
    "kube-scheduler": "scheduler",
    "kube-controller": "controllers",
    "djangotasks-ope": "operator",
}
THIS, PODS, OTHERS, KERNEL, UNSEEN = "this benchmark", "python in pods", "others", "kernel threads", "unseen"
KTHREADD = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """`ticks`: CPU time until then. `is_new`: it was not there at the beginning."""

    name: str
    parent: int
    ticks: int
    is_new: bool


@dataclass
class CpuParts:
    """ms of CPU time by part, over all intervals."""

    parts: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def counted(self) -> Iterator[None]:
        if not STAT.exists():
            yield
            return
        busy, before = times(STAT.read_text()).busy, {pid: read(pid, is_new=False) for pid in pids()}
        new: dict[int, Seen] = {}
        stop = threading.Event()
        thread = threading.Thread(target=_follow, args=(before.keys(), new, stop), name="cpu-parts", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        after = {pid: seen for pid in before if (seen := read(pid, is_new=False)) is not None}
        total = (times(STAT.read_text()).busy - busy) * MS_PER_TICK
        for name, ms in by_part(before, after, new, os.getpid(), total).items():
            self.parts[name] += ms

    def each(self, count: int) -> dict[str, float]:
        """ms for each of so many, the dearest first."""
        return dict(sorted(((name, ms / count) for name, ms in self.parts.items()), key=lambda item: -item[1]))


def by_part(
    before: Mapping[int, Seen | None], after: Mapping[int, Seen], new: Mapping[int, Seen], this: int, total: float
) -> dict[str, float]:
    """ms by part. `this`: the pid of this process. `total`: ms of the whole machine."""
    parts: dict[str, float] = defaultdict(float)
    for pid, seen in after.items():
        then = before[pid]
        # Another process may have the same pid by now.
        if then is not None and then.name == seen.name and seen.ticks > then.ticks:
            parts[part_of(pid, seen, this)] += (seen.ticks - then.ticks) * MS_PER_TICK
    for pid, seen in new.items():
        parts[part_of(pid, seen, this)] += seen.ticks * MS_PER_TICK
    parts[UNSEEN] = max(total - sum(parts.values()), 0.0)
    return {name: ms for name, ms in parts.items() if ms}


def part_of(pid: int, seen: Seen, this: int) -> str:
    if this in (pid, seen.parent):
        return THIS
    if KTHREADD in (pid, seen.parent):
        return KERNEL
    if seen.is_new and seen.name.startswith("python"):
        return PODS
    return next((part for name, part in PARTS.items() if seen.name.startswith(name)), OTHERS)


def _follow(known: Container[int], new: dict[int, Seen], stop: threading.Event) -> None:
    while not stop.wait(EVERY_SECONDS):
        for pid in pids():
            if pid not in known and (seen := read(pid, is_new=True)) is not None:
                new[pid] = seen


def pids() -> Iterator[int]:
    return (int(name) for name in os.listdir(PROC) if name.isdecimal())  # noqa: PTH208 - often, and Path is slower


def read(pid: int, *, is_new: bool) -> Seen | None:
    with suppress(OSError):
        return parsed((PROC / str(pid) / "stat").read_text(errors="replace"), is_new=is_new)
    return None


def parsed(stat: str, *, is_new: bool) -> Seen:
    """https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    name = stat.partition("(")[2].rpartition(")")[0]
    return Seen(name, int(stat.rpartition(")")[2].split()[1]), cpu_ticks(stat), is_new)
