"""`cancel`, `cancel_writes`: a map of 10,000, of which 20 run, is cancelled, against a lone task that runs.

Its pods are those of fake nodes, which end at once: there is no grace period to wait for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import api_writes, crowd
from benchmarks.fates import Fate
from benchmarks.figures import Figure
from benchmarks.samples import interleaved, median
from benchmarks.workflows import flows
from djangotasks_api.workflow.bounds import WINDOW
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

RUNNING = 20
NARROW, ALONE = "narrow", "alone"
PAIRS = 3
SETTLE_SECONDS, DEADLINE_SECONDS = 5.0, 180.0
TARGET_SECONDS = 3.0
# What the operator writes for it.
STATUS = "PATCH djangotaskworkflows/status"


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    width = flows.QUICK_WIDTH if options.quick else flows.WIDTH
    site.add_queue(NARROW, Fate.NEVER, concurrency=RUNNING)
    site.add_queue(ALONE, Fate.NEVER)
    writes: list[int] = []
    site.progress.say("cancel", f"a map of {width} with {RUNNING} running, and a lone task")
    samples, baseline = interleaved(
        options.runs or PAIRS, lambda: _map_sample(site, width, writes), lambda: _lone_sample(site)
    )
    yield Figure(
        name="cancel",
        value=median(samples),
        unit="s",
        baseline=median(baseline),
        target=TARGET_SECONDS,
        target_of="value",
        extra={"n": len(samples), "tasks": width, "running": RUNNING, "slowest": max(samples)},
    )
    yield Figure(
        name="cancel_writes",
        value=median(writes),
        unit="writes",
        target=2 * WINDOW,
        target_of="value",
        extra={"n": len(writes), "window": min(WINDOW, width)},
    )


def _map_sample(site: FakeSite, width: int, writes: list[int]) -> float:
    """Seconds from the request to the workflow's end. Appends what was written meanwhile, and a little after."""
    body = flows.wide(width, flows.mapped("map", NARROW))
    pods = f"/api/v1/namespaces/{site.namespace}/pods?labelSelector=djangotasks.dev/queue={NARROW}"
    flows.create(site.api, site.namespace, body)

    def full() -> bool | None:
        there = site.api.get(flows.tasks_of(body, site.namespace))["items"]
        running = [pod for pod in site.api.get(pods)["items"] if pod["status"].get("phase") == "Running"]
        return (len(there) == min(width, WINDOW) and len(running) == RUNNING) or None

    wait_for(f"{RUNNING} of the map run", full, seconds=DEADLINE_SECONDS)
    time.sleep(SETTLE_SECONDS)
    before = _writes(site)
    with crowd.Ends(site.kubeconfig, flows.path(site.namespace), _cancelled) as ends:
        began = time.monotonic()
        flows.cancel(site.api, site.namespace, body)
        seconds = ends.wait([flows.name_of(body)], seconds=DEADLINE_SECONDS) - began
    time.sleep(SETTLE_SECONDS)
    writes.append(sum((_writes(site) - before).values()))
    return seconds


def _lone_sample(site: FakeSite) -> float:
    manifest = crowd.task(ALONE)
    path = f"{crowd.tasks_path(site.namespace)}/{manifest['metadata']['name']}"
    crowd.create(site.api, site.namespace, manifest)

    def running() -> bool | None:
        return site.api.get(path).get("status", {}).get("phase") == "Running" or None

    wait_for("the lone task runs", running, seconds=DEADLINE_SECONDS)
    with crowd.Ends(site.kubeconfig, crowd.tasks_path(site.namespace), _cancelled) as ends:
        began = time.monotonic()
        site.api.patch(path, {"spec": {"cancel": True}})
        return ends.wait(crowd.names_of([manifest]), seconds=DEADLINE_SECONDS) - began


def _cancelled(item: crowd.Object) -> str | None:
    """`Succeeded` stands for the end that is wanted."""
    phase = item.get("status", {}).get("phase", "")
    return "Succeeded" if phase == "Cancelled" else phase if phase in ("Failed", "Succeeded") else None


def _writes(site: FakeSite) -> api_writes.Writes:
    found = api_writes.parse(site.api.text("/metrics"))
    return api_writes.Writes({name: found[name] for name in (*api_writes.OPERATOR, STATUS)})
