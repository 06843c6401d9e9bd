"""`workflow_enqueue`, `workflow_wire`: what a web request pays for a whole graph, and what of it goes over the wire."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from benchmarks.calm import Calm
from benchmarks.enqueue_latency import NO_QUEUE
from benchmarks.figures import Figure
from benchmarks.samples import interleaved, median, percentile
from benchmarks.site import UNWATCHED
from benchmarks.workflows import flows
from django_tasks_kubernetes.codec.encode import encode
from django_tasks_kubernetes.workflows import each, step, workflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

PAIRS = 20
WARM_UP = 2
# Groups of two and a task that takes both results.
CHAIN = 20
TARGET, TARGET_MS = 1.5, 150.0
WIRE_TARGET_KB = 10.0


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    yield from _enqueue(site, runs or PAIRS)
    yield _wire(site)


def _enqueue(site: Site, pairs: int) -> Iterator[Figure]:
    task = site.task.using(queue_name=NO_QUEUE, backend=UNWATCHED)
    items = [str(uuid.UUID(int=n)) for n in range(flows.WIDTH)]

    @workflow(backend=UNWATCHED, queue_name=NO_QUEUE)
    def wide() -> Any:
        return each(task, items, 1)

    spec = wide.draw()
    path, size = flows.path(site.unwatched), len(json.dumps(spec, separators=(",", ":")))

    def enqueue() -> float:
        began = time.perf_counter()
        wide.enqueue()
        return (time.perf_counter() - began) * 1000

    def post() -> float:
        body = json.dumps(flows.workflow() | {"spec": spec}, separators=(",", ":")).encode()
        began = time.perf_counter()
        site.api.post(path, body)
        return (time.perf_counter() - began) * 1000

    interleaved(WARM_UP, enqueue, post)
    site.progress.say("workflow_enqueue", f"{pairs} pairs of one enqueue() of {size:,} bytes and one POST")
    samples, baseline = interleaved(pairs, enqueue, post, before=Calm())
    extra = {"p90": percentile(samples, 90), "n": pairs, "tasks": flows.WIDTH, "bytes": size}
    for target_of, target in (("ratio", TARGET), ("value", TARGET_MS)):
        yield Figure(
            name="workflow_enqueue" if target_of == "ratio" else "workflow_enqueue_time",
            value=median(samples),
            unit="ms",
            baseline=median(baseline),
            target=target,
            target_of="ratio" if target_of == "ratio" else "value",
            extra=extra,
        )


def _wire(site: Site) -> Figure:
    """Against the requests that would create its tasks one by one."""
    add = site.task.using(queue_name=NO_QUEUE, backend=UNWATCHED)

    @workflow(backend=UNWATCHED, queue_name=NO_QUEUE)
    def groups() -> Any:
        draw: Any = step(add)
        found: Any = 1
        for _ in range(CHAIN):
            found = draw(draw(found, 1), draw(found, 2))
        return found

    steps = 3 * CHAIN
    one = encode(add.enqueue(1, 2), {"payload": '{"args":[1,2],"kwargs":{}}'})
    return Figure(
        name="workflow_wire",
        value=len(json.dumps(groups.draw(), separators=(",", ":"))) / 1000,
        unit="kB",
        baseline=len(json.dumps(one, separators=(",", ":"))) * steps / 1000,
        target=WIRE_TARGET_KB,
        target_of="value",
        extra={"steps": steps},
    )
