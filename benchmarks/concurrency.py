"""`concurrency_rate`: tasks a second with a concurrency limit that is always reached, against none, on fake nodes.

The limit is one that the control plane could not use more of: so it must cost nothing. And it must hold at every moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks import crowd
from benchmarks.fake_site import QUEUE
from benchmarks.figures import Figure
from benchmarks.samples import interleaved
from benchmarks.throughput import WARM_UP, burst
from tools.kubectl import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

TASKS = 1000
BURSTS = 4
LIMITED = "limited"
LIMIT = 50
ENDED = ("Succeeded", "Failed")
TARGET = 0.9


@dataclass
class Running:
    """Count the pods of a queue that have not ended, and keep the highest count. For `crowd.Ends`: the watch delivers
    every change in order, so no moment is missed."""

    now: set[str] = field(default_factory=set)
    most: int = 0

    def end_of(self, pod: crowd.Object) -> str | None:
        name = pod["metadata"]["name"]
        if pod.get("status", {}).get("phase") in ENDED:
            self.now.discard(name)
            return "Succeeded"
        self.now.add(name)
        self.most = max(self.most, len(self.now))
        return None


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    size = max(1, (options.runs or TASKS) // BURSTS)
    site.add_queue(LIMITED, concurrency=LIMIT)
    for queue in (LIMITED, QUEUE):
        burst(site, WARM_UP, queue)
    site.progress.say("concurrency_rate", f"{BURSTS} bursts of {size} tasks with a limit of {LIMIT}, as many without")
    running = Running()
    path = f"/api/v1/namespaces/{site.namespace}/pods?labelSelector=djangotasks.dev/queue={LIMITED}"
    with crowd.Ends(site.kubeconfig, path, running.end_of):
        limited, unlimited = interleaved(
            BURSTS, lambda: burst(site, size, LIMITED).seconds, lambda: burst(site, size).seconds
        )
    if running.most > LIMIT:
        raise StepFailed(f"{running.most} tasks of a queue ran at once whose concurrency is {LIMIT}.")
    tasks = size * BURSTS
    yield Figure(
        name="concurrency_rate",
        value=tasks / sum(limited),
        unit="tasks/s",
        baseline=tasks / sum(unlimited),
        target=TARGET,
        bound="≥",
        extra={"n": tasks, "limit": LIMIT, "max_running": running.most},
    )
