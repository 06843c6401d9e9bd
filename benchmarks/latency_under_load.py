"""`enqueue_to_result` while 200 other tasks are on their way, on fake nodes, against bare Jobs beside the same load."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import crowd, jobs
from benchmarks.fake_site import QUEUE, queue_manifest
from benchmarks.figures import Figure
from benchmarks.samples import interleaved, percentile
from benchmarks.steps import Trace
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

IN_FLIGHT = 200
# Each runs for so long, and is replaced when it ends: 20 starts and 20 ends a second beside what is measured.
BUSY, RUNS_FOR = "busy", "10s"
PAIRS = 20
# p99 wants many samples, and a bare Job takes its time.
TASKS_A_PAIR = 5
DEADLINE_SECONDS = 60.0
# As without the load.
TARGET = 0.40


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    pairs = options.runs or PAIRS
    site.add_queue(BUSY, runs_for=RUNS_FOR)
    with in_flight(site, IN_FLIGHT), Trace(site, QUEUE) as tasks, Trace(site, None) as bare:
        site.progress.say("latency-under-load", f"{pairs * TASKS_A_PAIR} tasks and {pairs} bare Jobs")
        samples, baseline = interleaved(
            pairs, lambda: [task_sample(site, tasks) for _ in range(TASKS_A_PAIR)], lambda: bare_sample(site, bare)
        )
    taken = [sample for some in samples for sample in some]
    extra = {"n": len(taken), "baseline_n": pairs, "in_flight": IN_FLIGHT, "containers": "fake"}
    for name, percent in (("enqueue_to_result", 50), ("enqueue_to_result_p99", 99)):
        yield Figure(
            name=name,
            value=percentile([sample.seconds for sample in taken], percent),
            unit="s",
            baseline=percentile([sample.seconds for sample in baseline], percent),
            target=TARGET,
            extra={**extra, "parts": parts_around(taken, percent), "baseline_parts": parts_around(baseline, percent)},
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """`parts`: the seconds of each step, which are those of the whole together."""

    seconds: float
    parts: Mapping[str, float]


def parts_around(samples: Sequence[Sample], percent: int) -> dict[str, float]:
    """Where the time goes in samples like this percentile: the mean of a tenth of them."""
    ordered = sorted(samples, key=lambda sample: sample.seconds)
    width = max(len(ordered) // 10, 1)
    first = min(max(len(ordered) * percent // 100 - width // 2, 0), len(ordered) - width)
    some = ordered[first : first + width]
    return {step: sum(sample.parts.get(step, 0.0) for sample in some) / width for step in some[0].parts}


def task_sample(site: FakeSite, trace: Trace) -> Sample:
    return sample(site, trace, crowd.tasks_path(site.namespace), crowd.task(QUEUE))


def bare_sample(site: FakeSite, trace: Trace) -> Sample:
    return sample(site, trace, jobs.jobs_path(site.namespace), jobs.bare_job(queue_manifest(QUEUE)))


def sample(site: FakeSite, trace: Trace, path: str, manifest: crowd.Object) -> Sample:
    """From the request that creates it to its end."""
    (name,) = crowd.names_of([manifest])
    began = time.monotonic()
    crowd.send(site.kubeconfig, path, [manifest])
    seconds = trace.ends.wait([name], seconds=DEADLINE_SECONDS) - began
    return Sample(seconds, trace.parts(name, began))


@contextmanager
def in_flight(site: FakeSite, count: int) -> Iterator[None]:
    """So many tasks of the queue `busy` are on their way: what ends is replaced."""
    sent: set[str] = set()
    stop = threading.Event()
    with crowd.task_ends(site.kubeconfig, site.namespace) as ends:

        def replace() -> None:
            while not stop.wait(0.1):
                missing = count - len(sent - ends.at.keys())
                manifests = [crowd.task(BUSY) for _ in range(missing)]
                sent.update(crowd.names_of(manifests))
                crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), manifests)

        thread = threading.Thread(target=replace, name="load", daemon=True)
        thread.start()
        try:
            # Once all have been replaced, starts and ends are spread over time.
            wait_for("the load is there", lambda: len(ends.at) >= count or None, seconds=180)
            yield
        finally:
            stop.set()
            thread.join()
