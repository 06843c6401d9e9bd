"""`map_throughput`, `map_cpu_growth`, `map_etcd`: a map of 10,000 tasks on fake nodes, against as many plain tasks."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import crowd, jobs
from benchmarks.api import Api
from benchmarks.fake_site import QUEUE
from benchmarks.figures import Figure
from benchmarks.process import cpu_per_task
from benchmarks.throughput import SLOWEST, burst, idle_share
from benchmarks.workflows import flows
from djangotasks_api.workflow.bounds import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options
    from benchmarks.process import Usage

# The smaller map, whose tasks must not cost less each, as a share of the large one.
SMALL_SHARE = 10
WARM_UP = 20
SAMPLE_SECONDS = 2.0
TARGET, GROWTH_TARGET = 0.9, 1.2
# A task, its Job and its Pod.
OBJECTS_A_TASK = 3


@dataclass(frozen=True, slots=True)
class Run:
    """`seconds`: from the request to the end of the workflow. `objects`: the most that there were of it at once."""

    seconds: float
    before: Usage
    after: Usage
    objects: int


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    width = _width(options)
    small = width // SMALL_SHARE
    burst(site, WARM_UP)
    run(site, WARM_UP)
    idle = idle_share(site)
    site.progress.say("map_throughput", f"a map of {small}; one of {width} between twice {width // 2} plain tasks")
    little = run(site, small)
    plain = burst(site, width // 2).seconds
    large = run(site, width)
    plain += burst(site, width // 2).seconds
    yield Figure(
        name="map_throughput",
        value=width / large.seconds,
        unit="tasks/s",
        baseline=width // 2 * 2 / plain,
        target=TARGET,
        bound="≥",
        extra={"n": width, "peak_rss": large.after.peak},
    )
    yield Figure(
        name="map_cpu_growth",
        value=cpu_per_task(large.before, large.after, idle, width),
        unit="ms",
        baseline=cpu_per_task(little.before, little.after, idle, small),
        target=GROWTH_TARGET,
        extra={"n": width, "baseline_n": small},
    )


def etcd(site: FakeSite, options: Options) -> Iterator[Figure]:
    """`map_etcd`, against the three objects for each task that there are where they are kept."""
    width = _width(options)
    site.progress.say("map_etcd", f"a map of {width} that keeps no finished task")
    lean = run(site, width, keepTasks="OnFailure")
    yield Figure(
        name="map_etcd",
        value=lean.objects,
        unit="objects",
        baseline=OBJECTS_A_TASK * width,
        target=OBJECTS_A_TASK * WINDOW,
        target_of="value",
        extra={"n": width, "throughput": width / lean.seconds},
    )


def _width(options: Options) -> int:
    return options.runs or (flows.QUICK_WIDTH if options.quick else flows.WIDTH)


def run(site: FakeSite, width: int, **fields: Any) -> Run:
    """A map of so many tasks, to its end. `fields`: of its step."""
    body = flows.wide(width, flows.mapped("map", QUEUE, **fields))
    with flows.ends(site.kubeconfig, site.namespace) as ends, counted_objects(site) as most:
        before = site.operator.usage()
        seconds = flows.run(site.api, ends, site.namespace, body, seconds=60 + width / SLOWEST)
        after = site.operator.usage()
    return Run(seconds, before, after, most[0])


@contextmanager
def counted_objects(site: FakeSite) -> Iterator[list[int]]:
    """The most tasks, Jobs and Pods that there are meanwhile beside those that were there before."""
    most, stop, api = [0], threading.Event(), Api(site.kubeconfig)
    before = _count(api, site.namespace)

    def look() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            most[0] = max(most[0], _count(api, site.namespace) - before)

    thread = threading.Thread(target=look, name="objects", daemon=True)
    thread.start()
    try:
        yield most
    finally:
        stop.set()
        thread.join()
        most[0] = max(most[0], _count(api, site.namespace) - before)


def _count(api: Api, namespace: str) -> int:
    """By the API server's own count of what a list leaves out."""
    paths = (crowd.tasks_path(namespace), jobs.jobs_path(namespace), f"/api/v1/namespaces/{namespace}/pods")
    total = 0
    for path in paths:
        page = api.get(f"{path}?limit=1")
        total += len(page["items"]) + page["metadata"].get("remainingItemCount", 0)
    return total
