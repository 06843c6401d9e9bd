"""The operator with 10,000 tasks that wait behind a concurrency limit, and 1,000 finished ones beside them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks import api_writes, crowd, stored_results
from benchmarks.fates import Fate
from benchmarks.figures import Figure
from benchmarks.process import core_share
from benchmarks.samples import median, percentile
from benchmarks.throughput import burst
from benchmarks.versions import changed, versions
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

WAITING = 10_000
# Finished tasks beside them, as a share of them.
FINISHED_SHARE = 10
FULL, FREE = "full", "free"
CONCURRENCY = 10
SETTLE_SECONDS = 20.0
IDLE_SECONDS = 60.0
PROBES = 10
RSS_TARGET_MIB = 150.0
IDLE_TARGET_PERCENT = 2.0
PRIORITY_TARGET_S = 2.0
RESTART_TARGET_S = 10.0
AFTER_RESTART_SECONDS = 30.0


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    if options.results:
        yield from stored_results.measure(site, options)
        return
    waiting = options.runs or WAITING
    finished = waiting // FINISHED_SHARE
    site.add_queue(FULL, Fate.NEVER, concurrency=CONCURRENCY)
    site.add_queue(FREE)
    site.progress.say("backlog", f"{finished} finished and {waiting} waiting tasks")
    before = site.operator.usage()
    burst(site, finished)
    tasks = [crowd.task(FULL) for _ in range(waiting)]
    crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), tasks)
    wait_for(
        f"{CONCURRENCY} tasks have their places",
        lambda: len(_pods(site, FULL)) == min(CONCURRENCY, waiting) or None,
        seconds=120,
    )
    time.sleep(SETTLE_SECONDS)
    extra = {"waiting": waiting, "finished": finished}
    usage = site.operator.usage()
    yield _value(
        *("operator_rss", usage.rss, "MiB", RSS_TARGET_MIB),
        {**extra, "empty": before.rss, "peak": usage.peak},
    )
    start = site.operator.usage()
    time.sleep(IDLE_SECONDS)
    yield _value("idle_cpu", core_share(start, site.operator.usage()) * 100, "%", IDLE_TARGET_PERCENT, extra)
    starts = [_priority_start(site) for _ in range(PROBES)]
    yield _value(
        *("priority_start", percentile(starts, 99), "s", PRIORITY_TARGET_S),
        {**extra, "n": PROBES, "p50": median(starts)},
    )
    yield from _restart(site, extra)


def _restart(site: FakeSite, extra: dict[str, int]) -> Iterator[Figure]:
    """A task waits for the operator when it comes: its Pod is the first useful action."""
    site.operator.stop()
    kubectl = site.cluster.kubectl(site.namespace)
    before, counted = versions(kubectl), _writes(site)
    probe = crowd.task(FREE, priority=100)
    crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), [probe])
    name: str = probe["metadata"]["name"]
    with crowd.pod_appearances(site.kubeconfig, site.namespace, FREE) as pods:
        began = time.monotonic()
        site.operator.start()
        ready = time.monotonic() - began
        first = pods.wait([f"{name}-1"], seconds=120) - began
    time.sleep(AFTER_RESTART_SECONDS)
    usage = site.operator.usage()
    yield _value(
        *("restart_ready", first, "s", RESTART_TARGET_S),
        {**extra, "probes_answer": ready, "rss": usage.rss, "peak": usage.peak, "cpu_seconds": usage.cpu},
    )
    # A write after a restart was for nothing, but for the probe's.
    written = {key for key in changed(before, versions(kubectl)) if name not in key}
    server = api_writes.operator_part(api_writes.difference(_writes(site), counted))
    yield _value("restart_writes", len(written), "objects", 0, {**extra, "in_all_namespaces": server})


def _priority_start(site: FakeSite) -> float:
    """Seconds from the request that creates an urgent task, in a queue with a free place, to its Pod."""
    probe = crowd.task(FREE, priority=100, enqueuedAt=datetime.now(UTC).isoformat())
    with crowd.pod_appearances(site.kubeconfig, site.namespace, FREE) as pods:
        began = time.monotonic()
        crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), [probe])
        return pods.wait([f"{probe['metadata']['name']}-1"], seconds=60) - began


def _pods(site: FakeSite, queue: str) -> list[crowd.Object]:
    path = f"/api/v1/namespaces/{site.namespace}/pods?labelSelector=djangotasks.dev/queue={queue}"
    items: list[crowd.Object] = site.api.get(path)["items"]
    return items


def _writes(site: FakeSite) -> api_writes.Writes:
    return api_writes.parse(site.api.text("/metrics"))


def _value(name: str, value: float, unit: str, target: float, extra: Mapping[str, object]) -> Figure:
    return Figure(name=name, value=value, unit=unit, target=target, target_of="value", extra=extra)
