"""`fan_in`, `fan_in_rss`: a task takes the 10,000 results of a map, of 1 KiB each, in a real container.

The map's pods are of fake nodes. A step between, whose queue is suspended until all is quiet, keeps the end of the map
out of the figures. The baseline is the cold start of a lone task in the same queue.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import crowd
from benchmarks.fates import RESULT_BYTES, Fate
from benchmarks.figures import Figure
from benchmarks.samples import interleaved, median
from benchmarks.throughput import SLOWEST
from benchmarks.workflows import flows
from djangotasks_api.names import API_VERSION, QUEUE_PLURAL
from tools.cluster import Target, ensure_image
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

LARGE, REAL, GATE = "large", "real", "gate"
GATHER = {
    "task": "shop.probes.measure",
    "payload": '{"args":[null],"kwargs":{}}',
    "inputs": [{"into": "/args/0", "step": "map"}],
}
ROUNDS, QUICK_WIDTH = 2, 20
SETTLE_SECONDS, DEADLINE_SECONDS = 10.0, 300.0
TARGET_SECONDS, RSS_TARGET_MIB = 2.0, 20.0


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    width = QUICK_WIDTH if options.quick else flows.WIDTH
    site.add_queue(LARGE, Fate.LARGE)
    image = ensure_image(site.cluster.provider, Target.EXAMPLE)
    site.cluster.kubectl(site.namespace).apply(queue_manifest(REAL, image, container_update={"resources": {}}))
    _lone_sample(site)
    rounds = options.runs or ROUNDS
    site.progress.say("fan_in", f"{rounds} times {width} results of {RESULT_BYTES} bytes, and lone tasks")
    grown: list[float] = []
    samples, baseline = interleaved(rounds, lambda: _sample(site, width, grown), lambda: _lone_sample(site))
    yield Figure(
        name="fan_in",
        value=median(samples) - median(baseline),
        unit="s",
        target=TARGET_SECONDS,
        target_of="value",
        extra={"start": median(samples), "cold_start": median(baseline), "n": rounds, "results": width},
    )
    yield Figure(
        name="fan_in_rss",
        value=max(grown),
        unit="MiB",
        target=RSS_TARGET_MIB,
        target_of="value",
        extra={"n": rounds, "results": width},
    )


def _sample(site: FakeSite, width: int, grown: list[float]) -> float:
    """Seconds from the end of the step before to the call of the function. Appends by how much the operator's memory
    grew meanwhile, at its peak."""
    site.add_queue(GATE, suspended=True)
    body = flows.wide(
        width,
        flows.mapped("map", LARGE),
        flows.step("gate", GATE, after=["map"]),
        flows.step("gather", REAL, after=["gate"], **GATHER),
    )
    gate, gather = flows.task_of(body, "gate"), flows.task_of(body, "gather")
    with flows.appearances(site.kubeconfig, flows.tasks_of(body, site.namespace, "gate")) as tasks:
        flows.create(site.api, site.namespace, body)
        tasks.wait([gate], seconds=60 + width / SLOWEST)
    time.sleep(SETTLE_SECONDS)
    before = site.operator.usage()
    # From now on the peak is that since now: https://docs.kernel.org/filesystems/proc.html (3.1, clear_refs)
    Path(f"/proc/{site.operator.pid}/clear_refs").write_text("5")
    with crowd.task_ends(site.kubeconfig, site.namespace) as ends:
        queue = f"/apis/{API_VERSION}/namespaces/{site.namespace}/{QUEUE_PLURAL}/{GATE}"
        site.api.patch(queue, {"spec": {"suspended": False}})
        ends.wait([gather], seconds=DEADLINE_SECONDS)
    grown.append(site.operator.usage().peak - before.rss)
    found = site.api.get(f"{crowd.tasks_path(site.namespace)}/{gather}")["status"]
    assert found["result"] == f'{{"items":{width},"characters":{width * RESULT_BYTES}}}', found["result"]
    ended = site.api.get(f"{crowd.tasks_path(site.namespace)}/{gate}")["status"]["finishedAt"]
    return _time(found["startedAt"]) - _time(ended)


def _lone_sample(site: FakeSite) -> float:
    manifest = crowd.task(REAL)
    with crowd.task_ends(site.kubeconfig, site.namespace) as ends:
        began = time.time()
        crowd.create(site.api, site.namespace, manifest)
        ends.wait(crowd.names_of([manifest]), seconds=DEADLINE_SECONDS)
    path = f"{crowd.tasks_path(site.namespace)}/{manifest['metadata']['name']}"
    return _time(site.api.get(path)["status"]["startedAt"]) - began


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
