"""`throughput`, `cpu_parts` in real containers: bursts of tasks against bursts of bare Jobs that run the same function.

Here the machine's containers are the limit, and both have to start as many: the question is what is lost beside them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import crowd, jobs
from benchmarks.cpu_parts import CpuParts
from benchmarks.figures import Figure
from benchmarks.samples import interleaved
from benchmarks.site import QUEUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

TASKS = 100
BURSTS = 4
WARM_UP = 2
SECONDS_EACH = 10.0
TARGET = 1.0
CPU_TARGET = 1.0


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    size = max(1, (runs or TASKS) // BURSTS)
    task_burst(site, WARM_UP)
    bare_burst(site, WARM_UP)
    site.progress.say("throughput-real", f"{BURSTS} bursts of {size} tasks, and as many of bare Jobs")
    task_parts, bare_parts = CpuParts(), CpuParts()

    def of_tasks() -> float:
        with task_parts.counted():
            return task_burst(site, size)

    def of_bare_jobs() -> float:
        with bare_parts.counted():
            return bare_burst(site, size)

    tasks, bare = interleaved(BURSTS, of_tasks, of_bare_jobs)
    yield Figure(
        name="throughput",
        value=BURSTS * size / sum(tasks),
        unit="tasks/s",
        baseline=BURSTS * size / sum(bare),
        target=TARGET,
        bound="≥",
        extra={"n": BURSTS * size, "containers": "real"},
    )
    if task_parts.parts:
        parts, bare_each = task_parts.each(BURSTS * size), bare_parts.each(BURSTS * size)
        yield Figure(
            name="cpu_parts",
            value=sum(parts.values()),
            unit="ms",
            baseline=sum(bare_each.values()),
            target=CPU_TARGET,
            extra={"n": BURSTS * size, "parts": parts, "of_a_bare_job": bare_each},
        )


def task_burst(site: Site, count: int) -> float:
    """Seconds from the first request to the last terminal status. Returns when the pods have ended as well."""
    manifests = [crowd.task(QUEUE) for _ in range(count)]
    names = crowd.names_of(manifests)
    with crowd.task_ends(site.kubeconfig, site.namespace) as ends:
        began = time.monotonic()
        crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), manifests)
        last = ends.wait(names, seconds=60 + count * SECONDS_EACH)
    with crowd.job_ends(site.kubeconfig, site.namespace) as ends:
        ends.wait([f"{name}-1" for name in names], seconds=60 + count * SECONDS_EACH)
    return last - began


def bare_burst(site: Site, count: int) -> float:
    """The same with bare Jobs: to the last condition Complete."""
    manifests = [jobs.bare_job(site.queue) for _ in range(count)]
    with crowd.job_ends(site.kubeconfig, site.namespace) as ends:
        began = time.monotonic()
        crowd.send(site.kubeconfig, jobs.jobs_path(site.namespace), manifests)
        return ends.wait(crowd.names_of(manifests), seconds=60 + count * SECONDS_EACH) - began
