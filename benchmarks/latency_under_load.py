"""`enqueue_to_result` while 200 other tasks are on their way, on fake nodes, against bare Jobs beside the same load."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks import crowd, jobs
from benchmarks.fake_site import QUEUE, queue_manifest
from benchmarks.figures import Figure
from benchmarks.samples import interleaved, median, percentile
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    with (
        in_flight(site, IN_FLIGHT),
        crowd.task_ends(site.kubeconfig, site.namespace) as tasks,
        crowd.job_ends(site.kubeconfig, site.namespace) as bare,
    ):
        site.progress.say("latency-under-load", f"{pairs * TASKS_A_PAIR} tasks and {pairs} bare Jobs")
        samples, baseline = interleaved(
            pairs, lambda: [task_sample(site, tasks) for _ in range(TASKS_A_PAIR)], lambda: bare_sample(site, bare)
        )
    seconds = [sample for some in samples for sample in some]
    extra = {"n": len(seconds), "baseline_n": pairs, "in_flight": IN_FLIGHT, "containers": "fake"}
    for name, percent in (("enqueue_to_result", 50), ("enqueue_to_result_p99", 99)):
        yield Figure(
            name=name,
            value=percentile(seconds, percent),
            unit="s",
            baseline=percentile(baseline, percent),
            target=TARGET,
            extra={**extra, "baseline_p50": median(baseline)},
        )


def task_sample(site: FakeSite, ends: crowd.Ends) -> float:
    manifest = crowd.task(QUEUE)
    began = time.monotonic()
    crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), [manifest])
    return ends.wait(crowd.names_of([manifest]), seconds=DEADLINE_SECONDS) - began


def bare_sample(site: FakeSite, ends: crowd.Ends) -> float:
    manifest = jobs.bare_job(queue_manifest(QUEUE))
    began = time.monotonic()
    crowd.send(site.kubeconfig, jobs.jobs_path(site.namespace), [manifest])
    return ends.wait(crowd.names_of([manifest]), seconds=DEADLINE_SECONDS) - began


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
