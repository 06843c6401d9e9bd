"""`chunk_throughput`: calls a second in chunks, in real containers, against tasks of one call each, in turn.

What a container costs is shared by the calls of a chunk, so the figure says how far that goes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.utils.module_loading import import_string

from benchmarks.figures import Figure
from benchmarks.throughput_real import task_burst
from django_tasks_kubernetes.chunks import enqueue_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

CALLS = 10_000
SIZE = 100
WARM_UP = 2
SINGLES = 20
SECONDS_EACH = 10.0
TARGET = 150.0


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    calls = runs or CALLS
    chunk_burst(WARM_UP * SIZE)
    task_burst(site, WARM_UP)
    site.progress.say("chunks", f"{calls:,} calls in chunks of {SIZE}, and {SINGLES} tasks of one call")
    singles = SINGLES / task_burst(site, SINGLES)
    yield Figure(
        name="chunk_throughput",
        value=calls / chunk_burst(calls),
        unit="calls/s",
        baseline=singles,
        target=TARGET,
        target_of="value",
        bound="≥",
        extra={"n": calls, "size": SIZE, "containers": "real"},
    )


def chunk_burst(calls: int) -> float:
    """Seconds from the first request until the results of all calls are there."""
    task = import_string("shop.probes.add")
    began = time.monotonic()
    results = enqueue_chunks(task, range(calls), 1, size=SIZE)
    values = results.get(60 + len(results) * SECONDS_EACH)
    seconds = time.monotonic() - began
    assert values == [number + 1 for number in range(calls)], "a call has another result"
    return seconds
