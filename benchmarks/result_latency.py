"""`enqueue_to_result`: how long a caller waits for the result of a cold task, against a bare Job's completion."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import jobs
from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.samples import interleaved, median, percentile
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

PAIRS = 10
POLL_SECONDS = 0.02
DEADLINE_SECONDS = 60.0
TARGET = 0.40


@dataclass(frozen=True)
class Sample:
    """Seconds. The parts add up to the whole, as far as the clocks of this process and the pod agree.

    `starting`: from the return of enqueue() to the call of the task's function.
    `reporting`: from the end of the function to the result seen here.
    """

    whole: float
    enqueue: float
    starting: float
    reporting: float


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    pairs = runs or PAIRS
    # The first of each is slower: caches of the node, connections, compiled expressions of the CRD.
    interleaved(1, lambda: task_sample(site), lambda: bare_sample(site))
    site.progress.say("enqueue_to_result", f"{pairs} pairs of one task and one bare Job")
    samples, baseline = interleaved(pairs, lambda: task_sample(site), lambda: bare_sample(site), before=Calm())
    whole = [sample.whole for sample in samples]
    parts = {part: median([getattr(s, part) for s in samples]) for part in ("enqueue", "starting", "reporting")}
    yield Figure(
        name="enqueue_to_result",
        value=median(whole),
        unit="s",
        baseline=median(baseline),
        target=TARGET,
        extra={"p90": percentile(whole, 90), "baseline_p90": percentile(baseline, 90), "n": pairs, "parts": parts},
    )


def task_sample(site: Site) -> Sample:
    """One task, from enqueue() to its result; returns when its pod has ended too."""
    began = time.perf_counter()
    result = site.task.enqueue(1, 2)
    enqueued_at, enqueued = time.time(), time.perf_counter()
    while not result.is_finished:
        assert time.perf_counter() < began + DEADLINE_SECONDS, f"task {result.id} is {result.status}"
        time.sleep(POLL_SECONDS)
        result.refresh()
    seen_at, seen = time.time(), time.perf_counter()
    assert result.return_value == 3, result.errors
    settled(site, f"{result.id}-1")
    return Sample(
        whole=seen - began,
        enqueue=enqueued - began,
        starting=result.started_at.timestamp() - enqueued_at,
        reporting=seen_at - result.finished_at.timestamp(),
    )


def bare_sample(site: Site) -> float:
    manifest = jobs.bare_job(site.queue)
    seconds = jobs.run_watched(site.api, site.namespace, manifest)
    settled(site, manifest["metadata"]["name"])
    return seconds


def settled(site: Site, job: str) -> None:
    """So that the end of one pod does not slow the start of the next."""
    path = f"{jobs.jobs_path(site.namespace)}/{job}"
    wait_for(
        f"the Job {job} ended",
        lambda: jobs.condition_of(site.api.get(path)),
        seconds=DEADLINE_SECONDS,
        why=lambda: path,
    )
