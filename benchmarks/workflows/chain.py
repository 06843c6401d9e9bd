"""`step_gap`, `chain5`: a chain of five steps in real containers, against lone tasks that start as cold.

A gap is the time from the end of a step's function to the call of the next one's, by the pods' own clocks: the outcome is
reported, the operator records it and creates the next task, and that starts cold, as a lone task does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks import crowd
from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.result_latency import settled
from benchmarks.samples import interleaved, median, percentile
from benchmarks.site import QUEUE
from benchmarks.workflows import flows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

LENGTH = 5
PAIRS = 10
DEADLINE_SECONDS = 120.0
GAP_TARGETS = {50: 60.0, 90: 120.0}
TARGET = 1.10


@dataclass(frozen=True)
class Sample:
    """Seconds. `whole`: from the request that creates it to its end, as a watch tells. `starts`: of a lone task, from
    that request to the call of its function; of a chain, from the end of each function to the call of the next."""

    whole: float
    starts: list[float]


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    pairs = runs or PAIRS
    with (
        flows.ends(site.kubeconfig, site.namespace) as workflows,
        crowd.task_ends(site.kubeconfig, site.namespace) as tasks,
    ):
        interleaved(1, lambda: chain_sample(site, workflows), lambda: lone_sample(site, tasks))
        site.progress.say("step_gap", f"{pairs} chains of {LENGTH} steps, and as many lone tasks")
        chains, lone = interleaved(
            pairs, lambda: chain_sample(site, workflows), lambda: lone_sample(site, tasks), before=Calm()
        )
    gaps = [start for sample in chains for start in sample.starts]
    cold = [start for sample in lone for start in sample.starts]
    for percent, target in GAP_TARGETS.items():
        of_chain, of_lone = percentile(gaps, percent), percentile(cold, percent)
        yield Figure(
            name="step_gap" if percent == 50 else f"step_gap_p{percent}",
            value=(of_chain - of_lone) * 1000,
            unit="ms",
            target=target,
            target_of="value",
            extra={"gap": of_chain, "cold_start": of_lone, "n": len(gaps), "baseline_n": len(cold)},
        )
    whole = [sample.whole for sample in chains]
    yield Figure(
        name=f"chain{LENGTH}",
        value=median(whole),
        unit="s",
        baseline=LENGTH * median([sample.whole for sample in lone]),
        target=TARGET,
        extra={"p90": percentile(whole, 90), "n": pairs},
    )


def chain_sample(site: Site, ends: crowd.Ends) -> Sample:
    """One chain; returns when its pods have ended too."""
    body = flows.workflow(*flows.chain(LENGTH, QUEUE))
    whole = flows.run(site.api, ends, site.namespace, body, DEADLINE_SECONDS)
    names = [flows.task_of(body, step["name"]) for step in body["spec"]["steps"]]
    statuses = [site.api.get(f"{crowd.tasks_path(site.namespace)}/{name}")["status"] for name in names]
    settled(site, f"{names[-1]}-1")
    starts = [_time(after["startedAt"]) - _time(before["finishedAt"]) for before, after in pairwise(statuses)]
    return Sample(whole, starts)


def lone_sample(site: Site, ends: crowd.Ends) -> Sample:
    manifest = crowd.task(QUEUE)
    name: str = manifest["metadata"]["name"]
    began_at, began = time.time(), time.monotonic()
    crowd.create(site.api, site.namespace, manifest)
    whole = ends.wait([name], seconds=DEADLINE_SECONDS) - began
    started_at = _time(site.api.get(f"{crowd.tasks_path(site.namespace)}/{name}")["status"]["startedAt"])
    settled(site, f"{name}-1")
    return Sample(whole, [started_at - began_at])


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
