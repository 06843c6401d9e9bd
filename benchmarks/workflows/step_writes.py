"""`step_writes`: what a step of a chain costs the API server and etcd, against a lone task."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import jobs
from benchmarks.figures import Figure
from benchmarks.intervals import Interval, counted
from benchmarks.site import QUEUE
from benchmarks.workflows import flows
from benchmarks.writes import POLL_SECONDS, per_task, work_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

LENGTH = 5
ROUNDS = 2
CHAINS = 4
DEADLINE_SECONDS = 120.0
TARGET = 1.35


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    chains = -(-(runs or CHAINS) // ROUNDS)
    share = chains * LENGTH
    expected = {"POST djangotasks": share, "POST jobs": share, "POST pods": share}

    def in_chains() -> Interval:
        return counted(site, "chains", lambda: work_off_chains(site, chains), expected)

    def alone() -> Interval:
        return counted(site, "lone tasks", lambda: work_off(site, lambda: site.task.enqueue(1, 2), share), expected)

    work_off_chains(site, 1)
    site.progress.say("step_writes", f"{ROUNDS} rounds of {chains} chains of {LENGTH} steps, and as many lone tasks")
    rounds = [(in_chains(), alone()) if number % 2 == 0 else (alone(), in_chains())[::-1] for number in range(ROUNDS)]
    seconds = max(interval.seconds for pair in rounds for interval in pair)
    idle = counted(site, "idle", lambda: time.sleep(seconds), {})
    steps, tasks = (per_task(list(part), idle, share * ROUNDS) for part in zip(*rounds, strict=True))
    yield Figure(
        name="step_writes",
        value=sum(steps.values()),
        unit="writes",
        baseline=sum(tasks.values()),
        target=TARGET,
        extra={"n": share * ROUNDS, "writes": steps, "baseline_writes": tasks},
    )


def work_off_chains(site: Site, count: int) -> None:
    """One after the other, until the Job of each step has ended."""
    for _ in range(count):
        before = _ended(site)
        flows.create(site.api, site.namespace, flows.workflow(*flows.chain(LENGTH, QUEUE)))
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (ended := _ended(site) - before) < LENGTH:
            assert time.monotonic() < deadline, f"{ended} of {LENGTH} Jobs ended"
            time.sleep(POLL_SECONDS)


def _ended(site: Site) -> int:
    return sum(jobs.condition_of(job) is not None for job in site.api.get(jobs.jobs_path(site.namespace))["items"])
