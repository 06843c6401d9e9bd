"""What open pages cost: the API server's processor, and the memory of the workers that are asked again and again."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from benchmarks.admin.server import APP
from benchmarks.cpu_parts import pids, read
from benchmarks.figures import Figure
from benchmarks.process import Usage, core_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.admin.server import Server, Visitor

VIEWERS, EVERY_SECONDS, SECONDS, IDLE_SECONDS = 20, 10.0, 60.0, 10.0
# As often as one page asks in an hour, of each of six.
POLLS, WARM_UP_POLLS = 2160, 100
SHARE_TARGET_PERCENT, MEMORY_TARGET_MIB = 10.0, 30.0
OVERVIEW = f"{APP}/task/overview/?backend=many&part=overview"
POLLED = (OVERVIEW, f"{APP}/task/?backend=many&part=rows", f"{APP}/task/?backend=few&part=rows")


def measure(server: Server) -> Iterator[Figure]:
    visitor = server.visitor()
    yield from _api_server(server, visitor)
    yield from _memory(server, visitor)


def _api_server(server: Server, visitor: Visitor) -> Iterator[Figure]:
    pid = _pid_of("kube-apiserver")
    if pid is None:
        return
    before = Usage.of(pid)
    time.sleep(IDLE_SECONDS)
    idle = core_share(before, Usage.of(pid))
    end, polls, lock = time.monotonic() + SECONDS, 0, threading.Lock()

    def view(number: int) -> None:
        nonlocal polls
        mine = visitor.again()
        time.sleep(EVERY_SECONDS * number / VIEWERS)
        while time.monotonic() < end:
            mine.get(OVERVIEW)
            with lock:
                polls += 1
            time.sleep(EVERY_SECONDS)

    before = Usage.of(pid)
    with ThreadPoolExecutor(VIEWERS) as pool:
        for done in [pool.submit(view, number) for number in range(VIEWERS)]:
            done.result()
    share = (core_share(before, Usage.of(pid)) - idle) / max(len(server.workers), 1)
    yield Figure(
        name="admin_viewers",
        value=100 * max(share, 0.0),
        unit="% of a core a worker",
        target=SHARE_TARGET_PERCENT,
        target_of="value",
        extra={"viewers": VIEWERS, "polls": polls, "idle": 100 * idle, "workers": len(server.workers)},
    )


def _memory(server: Server, visitor: Visitor) -> Iterator[Figure]:
    if not server.workers:
        return
    # Until every module is imported, and every template compiled, in each.
    for number in range(WARM_UP_POLLS):
        visitor.get(POLLED[number % len(POLLED)])
    before = [Usage.of(pid).rss for pid in server.workers]
    for number in range(POLLS):
        visitor.get(POLLED[number % len(POLLED)])
    grown = [Usage.of(pid).rss - was for pid, was in zip(server.workers, before, strict=True)]
    yield Figure(
        name="admin_memory",
        value=max(grown),
        unit="MiB",
        target=MEMORY_TARGET_MIB,
        target_of="value",
        extra={"polls": POLLS, "before": max(before)},
    )


def _pid_of(name: str) -> int | None:
    """None where the processes of the cluster are not of this machine."""
    # The kernel keeps 15 characters of a name.
    return next((pid for pid in pids() if (seen := read(pid, is_new=False)) and seen.name == name[:15]), None)
