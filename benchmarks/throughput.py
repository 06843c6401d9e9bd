"""`throughput`, `operator_cpu_per_task`: a burst of tasks on fake nodes, against bare Jobs on the same nodes.
`throughput_floor`, `operator_cpu_floor`: the same, against a client that makes the same requests and decides nothing.

Fake pods end at once, so the control plane is measured and not the machine's containers. The built-in Job controller
works at a steady rate (its client is limited to 20 requests a second), so fewer bare Jobs say as much: half of them
before the tasks, half after. So do those of the floor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import crowd, jobs, speed
from benchmarks.fake_site import QUEUE, queue_manifest
from benchmarks.figures import Figure
from benchmarks.floor import floor
from benchmarks.process import core_share, cpu_per_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options
    from benchmarks.process import Usage

TASKS = 1000
LONG_TASKS = 10_000
BARE_JOBS = 150
WARM_UP = 20
IDLE_SECONDS = 15.0
# Far below any rate worth reporting.
SLOWEST = 1.0
TARGET = 6.0
CPU_TARGET_MS = 10.0
GROWTH_TARGET = 1.1
FLOOR_TARGET = 0.8
FLOOR_CPU_TARGET = 2.5


@dataclass(frozen=True, slots=True)
class Burst:
    """`seconds`: from the first request to the last terminal status seen. `sending`: until all were sent.
    `before`, `after`: the operator, or what else did the work, when its part was done too: every Job has its final status."""

    tasks: int
    seconds: float
    sending: float
    before: Usage
    after: Usage

    @property
    def rate(self) -> float:
        return self.tasks / self.seconds


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    tasks = options.runs or TASKS
    bare = min(BARE_JOBS, tasks)
    burst(site, WARM_UP)
    bare_seconds(site, 2)
    idle = idle_share(site)
    site.progress.say("throughput", f"{tasks} tasks between twice {bare // 2} bare Jobs")
    python = [speed.loop_ms()]
    post = speed.post_ms(site.api, site.floor_namespace)
    seconds = bare_seconds(site, bare // 2)
    below = [floor_burst(site, tasks // 2)]
    done = burst(site, tasks)
    below.append(floor_burst(site, tasks // 2))
    seconds += bare_seconds(site, bare // 2)
    python.append(speed.loop_ms())
    cpu = cpu_per_task(done.before, done.after, idle, tasks)
    yield Figure(
        name="throughput",
        value=done.rate,
        unit="tasks/s",
        baseline=bare // 2 * 2 / seconds,
        target=TARGET,
        bound="≥",
        extra={"n": tasks, "baseline_n": bare // 2 * 2, "sent_per_second": tasks / done.sending},
    )
    yield Figure(
        name="operator_cpu_per_task",
        value=cpu,
        unit="ms",
        target=CPU_TARGET_MS,
        target_of="value",
        extra={
            "n": tasks,
            "share_of_a_core": core_share(done.before, done.after),
            "idle_percent": idle * 100,
            "rss": done.after.rss,
            "peak_rss": done.after.peak,
        },
    )
    count = sum(one.tasks for one in below)
    yield Figure(
        name="throughput_floor",
        value=done.rate,
        unit="tasks/s",
        baseline=count / sum(one.seconds for one in below),
        target=FLOOR_TARGET,
        bound="≥",
        extra={
            "n": tasks,
            "baseline_n": count,
            "python_loop_ms": min(python),
            "python_loop_spread_ms": max(python) - min(python),
            "post_ms": post,
        },
    )
    yield Figure(
        name="operator_cpu_floor",
        value=cpu,
        unit="ms",
        baseline=sum(one.after.cpu - one.before.cpu for one in below) * 1000 / count,
        target=FLOOR_CPU_TARGET,
        extra={"n": tasks, "baseline_n": count},
    )
    if options.long:
        yield growth(site, cpu, tasks, idle)


def growth(site: FakeSite, cpu: float, tasks: int, idle: float) -> Figure:
    """Ten times the tasks must not cost more each."""
    site.progress.say("throughput", f"{LONG_TASKS} tasks")
    done = burst(site, LONG_TASKS)
    return Figure(
        name="operator_cpu_growth",
        value=cpu_per_task(done.before, done.after, idle, LONG_TASKS),
        unit="ms",
        baseline=cpu,
        target=GROWTH_TARGET,
        extra={"n": LONG_TASKS, "baseline_n": tasks, "throughput": done.rate, "peak_rss": done.after.peak},
    )


def burst(site: FakeSite, count: int, queue: str = QUEUE) -> Burst:
    """So many tasks at once, to the end of the last, and of its Job."""
    return burst_in(site, site.namespace, site.operator.usage, count, queue)


def floor_burst(site: FakeSite, count: int) -> Burst:
    """The same with a client without logic, which has had a few before, as the operator has."""
    with floor(site) as client:
        burst_in(site, client.namespace, client.usage, WARM_UP)
        return burst_in(site, client.namespace, client.usage, count)


def burst_in(site: FakeSite, namespace: str, usage: Callable[[], Usage], count: int, queue: str = QUEUE) -> Burst:
    """`usage`: of who does the work in the namespace."""
    manifests = [crowd.task(queue) for _ in range(count)]
    names = crowd.names_of(manifests)
    with crowd.task_ends(site.kubeconfig, namespace) as ends:
        before, began = usage(), time.monotonic()
        crowd.send(site.kubeconfig, crowd.tasks_path(namespace), manifests)
        sending = time.monotonic() - began
        last = ends.wait(names, seconds=60 + count / SLOWEST)
    # Not watched before: that would be work for the API server, which has enough.
    with crowd.job_ends(site.kubeconfig, namespace) as ends:
        ends.wait([f"{name}-1" for name in names], seconds=60)
    return Burst(count, last - began, sending, before, usage())


def bare_seconds(site: FakeSite, count: int) -> float:
    """The same with bare Jobs: from the first request to the last condition Complete."""
    manifests: Sequence[crowd.Object] = [jobs.bare_job(queue_manifest(QUEUE)) for _ in range(count)]
    with crowd.job_ends(site.kubeconfig, site.namespace) as ends:
        began = time.monotonic()
        crowd.send(site.kubeconfig, jobs.jobs_path(site.namespace), manifests)
        return ends.wait(crowd.names_of(manifests), seconds=60 + count / SLOWEST) - began


def idle_share(site: FakeSite) -> float:
    """What the operator uses of a core when there is nothing to do."""
    time.sleep(2)
    before = site.operator.usage()
    time.sleep(IDLE_SECONDS)
    return core_share(before, site.operator.usage())
