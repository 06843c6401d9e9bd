"""How much memory and CPU time this container has used so far, by the kernel's account.

In the order in which it is asked: cgroup v2 (https://docs.kernel.org/admin-guide/cgroup-v2.html), cgroup v1, and what
this process and its children have used (getrusage). The files are a container's own where they are not those of the
whole machine, which are at the same place outside of containers: there, the last way is left.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

from djangotasks_api.bounds import MEMORY_BYTES
from djangotasks_api.usage import Usage

ROOT: Final = Path("/sys/fs/cgroup")
US: Final = 1_000_000
NS: Final = 1_000_000_000


def measured(root: Path = ROOT) -> Usage:
    """Of this attempt, from the start of its container. Takes less than a millisecond."""
    memory, cpu, limit = memory_bytes(root), cpu_seconds(root), memory_limit_bytes(root)
    if memory is None or cpu is None:
        own_memory, own_cpu = of_processes()
        memory, cpu = own_memory if memory is None else memory, own_cpu if cpu is None else cpu
    return Usage(memory_bytes=memory, memory_limit_bytes=limit, cpu_seconds=cpu)


def memory_bytes(root: Path) -> int | None:
    """The most that was used at once, files in memory included, as a limit counts it."""
    return _number(root, "memory.peak", "memory/memory.max_usage_in_bytes")


def memory_limit_bytes(root: Path) -> int | None:
    """None where there is none: v2 says "max", and v1 a number that no machine has."""
    limit = _number(root, "memory.max", "memory/memory.limit_in_bytes")
    return limit if limit is not None and limit in MEMORY_BYTES else None


def _number(root: Path, *names: str) -> int | None:
    """Of the first of these files that has one."""
    for name in names:
        if (text := _own(root / name)) is not None:
            with suppress(ValueError):
                return int(text)
    return None


def cpu_seconds(root: Path) -> float | None:
    if (text := _own(root / "cpu.stat")) is not None:
        for name, _, value in (line.partition(" ") for line in text.splitlines()):
            if name == "usage_usec":
                with suppress(ValueError):
                    return int(value) / US
    if (text := _own(root / "cpuacct" / "cpuacct.usage")) is not None:
        with suppress(ValueError):
            return int(text) / NS
    return None


def of_processes() -> tuple[int | None, float | None]:
    """The same of this process and of its children that have ended. Of memory, the most of one of them."""
    try:
        import resource
    except ImportError:  # no Unix
        return None, None
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    # In KiB, on Linux.
    return max(one.ru_maxrss for one in both) * 1024, sum(one.ru_utime + one.ru_stime for one in both)


def _own(path: Path) -> str | None:
    """What is in the file of a cgroup, unless it is that of the whole machine: the root of a hierarchy has a
    `release_agent` in v1, and no `cgroup.type` in v2."""
    folder = path.parent
    is_v1 = folder.name in ("memory", "cpuacct")
    with suppress(OSError):
        if (folder / "release_agent").exists() if is_v1 else not (folder / "cgroup.type").exists():
            return None
        return path.read_text()
    return None
