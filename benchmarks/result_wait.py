"""`wait_after_outcome` and `result_size_overhead`: how soon a result that is waited for arrives, and what its size costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.result_latency import DEADLINE_SECONDS, settled
from benchmarks.samples import in_turn, median, percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

KIB = 1024
SIZES = (1, 64, 512)
ROUNDS = 12
WAITS = 20
WAIT_TARGET_MS = 50.0
SIZE_TARGET = 1.20


@dataclass(frozen=True)
class Sample:
    """Seconds. `whole`: from the call of enqueue() to the return of wait(). `after`: to that, from the end of the task's
    function, by the pod's clock."""

    whole: float
    after: float


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    task: Any = import_string("shop.probes.return_bytes")

    def sample(kib: int) -> Sample:
        # With its quotes it is so long.
        return waited(site, task, kib * KIB - 2)

    # The first ones are slower: the watch is opened, and caches are empty.
    for kib in SIZES:
        sample(kib)
    waits, rounds, calm = runs or WAITS, runs or ROUNDS, Calm()
    site.progress.say("wait_after_outcome", f"{waits} tasks")
    (samples,) = in_turn(waits, [partial(sample, 1)], before=calm)
    after = [1000 * sample.after for sample in samples]
    yield Figure(
        name="wait_after_outcome",
        value=median(after),
        unit="ms",
        target=WAIT_TARGET_MS,
        target_of="value",
        extra={"p90": percentile(after, 90), "n": waits},
    )
    site.progress.say("result_size_overhead", f"{rounds} rounds of results of {', '.join(map(str, SIZES))} KiB")
    by_size = in_turn(rounds, [partial(sample, kib) for kib in SIZES], before=calm)
    whole = {f"{kib} KiB": median([one.whole for one in ones]) for kib, ones in zip(SIZES, by_size, strict=True)}
    after_of = {
        f"{kib} KiB": 1000 * median([one.after for one in ones]) for kib, ones in zip(SIZES, by_size, strict=True)
    }
    yield Figure(
        name="result_size_overhead",
        value=whole["512 KiB"],
        unit="s",
        baseline=whole["1 KiB"],
        target=SIZE_TARGET,
        extra={"enqueue_to_result": whole, "wait_after_outcome_ms": after_of, "n": rounds},
    )


def waited(site: Site, task: Any, length: int) -> Sample:
    """One task, whose result is waited for; returns when its pod has ended too."""
    began = time.perf_counter()
    result = task.enqueue(length)
    result.wait(DEADLINE_SECONDS)
    seen_at, seen = time.time(), time.perf_counter()
    assert len(result.return_value) == length, result.errors
    settled(site, f"{result.id}-1")
    return Sample(whole=seen - began, after=seen_at - result.finished_at.timestamp())
