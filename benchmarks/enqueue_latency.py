"""`enqueue`: what a web request pays for enqueue(), against the one POST that it cannot do without."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING

from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.samples import interleaved, median, percentile
from benchmarks.site import UNWATCHED
from django_tasks_kubernetes.codec.encode import encode
from djangotasks_api.names import API_VERSION, TASK_PLURAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

CALLS_PER_RUN = 30
RUNS = 10
WARM_UP = 20
TARGET = 1.5
# No such queue, and no operator: nothing runs.
NO_QUEUE = "no-such-queue"


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    calls = CALLS_PER_RUN * (runs or RUNS)
    task = site.task.using(queue_name=NO_QUEUE, backend=UNWATCHED)
    template = encode(task.enqueue(1, 2), {"payload": '{"args":[1,2],"kwargs":{}}'})
    path = f"/apis/{API_VERSION}/namespaces/{site.unwatched}/{TASK_PLURAL}"

    def enqueue() -> float:
        began = time.perf_counter()
        task.enqueue(1, 2)
        return (time.perf_counter() - began) * 1000

    def post() -> float:
        template["metadata"]["name"] = str(uuid.uuid4())
        body = json.dumps(template, separators=(",", ":")).encode()
        began = time.perf_counter()
        site.api.post(path, body)
        return (time.perf_counter() - began) * 1000

    interleaved(WARM_UP, enqueue, post)
    site.progress.say("enqueue", f"{calls} pairs of one enqueue() and one POST")
    Calm()()
    samples, baseline = interleaved(calls, enqueue, post)
    p99, baseline_p99 = percentile(samples, 99), percentile(baseline, 99)
    yield Figure(
        name="enqueue",
        value=median(samples),
        unit="ms",
        baseline=median(baseline),
        target=TARGET,
        extra={"p99": p99, "baseline_p99": baseline_p99, "p99_ratio": p99 / baseline_p99, "n": calls},
    )
