"""`fair`: how long a lone task waits that is enqueued beside a map of 10,000, in the same queue of ten at a time.

No more than a window of the map's tasks is ever in the line before it. So the baseline is the time that the queue takes
for so many, at the rate that it had meanwhile.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks import crowd
from benchmarks.figures import Figure
from benchmarks.samples import median
from benchmarks.workflows import flows
from djangotasks_api.workflow.bounds import WINDOW
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

QUEUE, CONCURRENCY, RUNS_FOR = "ten", 10, "1s"
PROBES, QUICK_PROBES = 5, 1
# Wider than a window, so that there is always one in the line.
QUICK_WIDTH = 2 * WINDOW
BEGUN = 2 * CONCURRENCY
DEADLINE_SECONDS = 300.0
TARGET = 1.0


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    width = QUICK_WIDTH if options.quick else flows.WIDTH
    probes = options.runs or (QUICK_PROBES if options.quick else PROBES)
    site.add_queue(QUEUE, runs_for=RUNS_FOR, concurrency=CONCURRENCY)
    body = flows.wide(width, flows.mapped("map", QUEUE))
    site.progress.say("fair", f"{probes} lone tasks beside a map of {width}")
    with (
        crowd.task_ends(site.kubeconfig, site.namespace) as ends,
        crowd.pod_appearances(site.kubeconfig, site.namespace, QUEUE) as pods,
    ):
        flows.create(site.api, site.namespace, body)
        # Of what ended: all are of this namespace, and nothing else runs.
        start = len(ends.at)
        wait_for("the map is on its way", lambda: len(ends.at) >= start + BEGUN or None, seconds=DEADLINE_SECONDS)
        before, began = len(ends.at), time.monotonic()
        waited = [_sample(site, pods) for _ in range(probes)]
        rate = (len(ends.at) - before) / (time.monotonic() - began)
    flows.cancel(site.api, site.namespace, body)
    yield Figure(
        name="fair",
        value=max(waited),
        unit="s",
        baseline=WINDOW / rate,
        target=TARGET,
        extra={"p50": median(waited), "n": probes, "tasks": width, "rate": rate, "window": WINDOW},
    )


def _sample(site: FakeSite, pods: crowd.Ends) -> float:
    """Seconds from the request that creates the task to its Pod."""
    manifest = crowd.task(QUEUE, enqueuedAt=datetime.now(UTC).isoformat())
    began = time.monotonic()
    crowd.create(site.api, site.namespace, manifest)
    return pods.wait([f"{manifest['metadata']['name']}-1"], seconds=DEADLINE_SECONDS) - began
