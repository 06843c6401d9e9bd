"""Which process a pid file means: a pid is used again, a pid with its start time and boot is not."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """A process: its pid, its start in clock ticks since boot (proc(5), field 22), and the boot."""

    pid: int
    start: int
    boot: str

    def dump(self) -> str:
        return json.dumps(asdict(self))


def parse(text: str) -> Identity | None:
    """Read a pid file; None when it is not one, as after a crash in the middle of writing."""
    try:
        data = json.loads(text)
        return Identity(int(data["pid"]), int(data["start"]), str(data["boot"]))
    except (ValueError, KeyError, TypeError):
        return None


def parse_stat(text: str) -> tuple[str, int, int]:
    """Return state, parent and start time from /proc/<pid>/stat.

    The command's name comes second, in brackets, and may itself hold spaces and brackets.
    """
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[19])


def boot() -> str:
    """Return the id of this boot of the machine."""
    return BOOT_ID.read_text().strip()


def identify(pid: int, *, proc: Path = Path("/proc")) -> Identity | None:
    """Return who has this pid now; None when nobody has, or only a zombie."""
    try:
        state, _, start = parse_stat((proc / str(pid) / "stat").read_text())
    except (OSError, IndexError, ValueError):
        return None
    return None if state in "ZX" else Identity(pid, start, boot())


def descendants(roots: set[int], parents: dict[int, int]) -> set[int]:
    """Return the roots and all that descend from them, given every process's parent."""
    found = set(roots)
    grew = True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return found
