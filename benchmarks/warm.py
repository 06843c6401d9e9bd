"""`warm_start`, `warm_result`, `warm_burst`, `warm_hits`: tasks that find a standby pod, against those that start a pod of
their own, and bare Jobs, in the same run."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure
from benchmarks.result_latency import bare_sample, settled
from benchmarks.samples import in_turn, median, percentile
from benchmarks.site import QUEUE
from benchmarks.warm_queues import add_queue, claimed, wait_ready

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.site import Site

ROUNDS = 10
WARM_A_ROUND = 4
# From one task to the next: the pool is filled again meanwhile.
APART_SECONDS = 1.0
START_TARGET_MS, RESULT_TARGET = 100.0, 0.05
BURST, BURST_POOL, BURST_ROUNDS, BURST_TARGET = 25, 5, 2, 1.05
HITS, HITS_RATE, HITS_TARGET = 90, 0.5, 0.95
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Sample:
    """Seconds. `start`: from the call of enqueue() to that of the function, by the pod's clock, which is this machine's.
    `result`: to the return of wait(). `hit`: it found a standby pod."""

    start: float
    result: float
    hit: bool


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    rounds = max(2, (runs or ROUNDS * WARM_A_ROUND) // WARM_A_ROUND)
    add_queue(site, "warm", least=4, most=4)
    for queue in ("warm", QUEUE):
        sample(site, queue)
    yield from starts(site, rounds)
    yield burst(site)
    yield hits(site, runs or HITS)


def sample(site: Site, queue: str) -> Sample:
    """One task; returns when its pod has ended too."""
    began, clock = time.time(), time.perf_counter()
    result = site.task.using(queue_name=queue).enqueue(1, 2)
    result.wait(timeout=DEADLINE_SECONDS)
    seconds = time.perf_counter() - clock
    assert result.return_value == 3, result.errors
    settled(site, f"{result.id}-1")
    return Sample(result.started_at.timestamp() - began, seconds, claimed(result))


def starts(site: Site, rounds: int) -> Iterator[Figure]:
    site.progress.say("warm_start", f"{rounds} rounds of {WARM_A_ROUND} warm tasks, a cold one and a bare Job")

    def warm() -> list[Sample]:
        found = []
        for _ in range(WARM_A_ROUND):
            time.sleep(APART_SECONDS)
            found.append(sample(site, "warm"))
        return found

    def cold() -> Sample:
        return sample(site, QUEUE)

    def bare() -> float:
        return bare_sample(site)

    def filled() -> None:
        wait_ready(site, "warm", 4)

    taken: Sequence[Sequence[Any]] = in_turn(rounds, [warm, cold, bare], before=filled)
    warm_ones = [one for each in taken[0] for one in each]
    found = [one for one in warm_ones if one.hit]
    start = [1000 * one.start for one in found]
    shares = {"n": len(warm_ones), "hits": len(found) / len(warm_ones)}
    yield Figure(
        name="warm_start",
        value=median(start),
        unit="ms",
        baseline=median([1000 * one.start for one in taken[1]]),
        target=START_TARGET_MS,
        target_of="value",
        extra={"p99": percentile(start, 99), "p90": percentile(start, 90)} | shares,
    )
    yield Figure(
        name="warm_result",
        value=median([one.result for one in found]),
        unit="s",
        baseline=median(taken[2]),
        target=RESULT_TARGET,
        extra={"p99": percentile([one.result for one in found], 99), "cold": median([o.result for o in taken[1]])} | shares,
    )  # fmt: skip


def burst(site: Site) -> Figure:
    site.progress.say("warm_burst", f"{BURST} tasks at once on a pool of {BURST_POOL}, and on none")
    add_queue(site, "burst", least=BURST_POOL, most=BURST_POOL)

    def run(queue: str) -> float:
        if queue == "burst":
            wait_ready(site, "burst", BURST_POOL)
        task = site.task.using(queue_name=queue)
        began = time.perf_counter()
        results = [task.enqueue(1, 2) for _ in range(BURST)]
        for result in results:
            result.wait(timeout=3 * DEADLINE_SECONDS)
        seconds = time.perf_counter() - began
        for result in results:
            settled(site, f"{result.id}-1")
        return seconds

    warm, cold = in_turn(BURST_ROUNDS, [partial(run, "burst"), partial(run, QUEUE)])
    return Figure(
        name="warm_burst",
        value=sum(warm) / len(warm),
        unit="s",
        baseline=sum(cold) / len(cold),
        target=BURST_TARGET,
        extra={"n": BURST * BURST_ROUNDS},
    )


def hits(site: Site, tasks: int) -> Figure:
    """Tasks that come at random."""
    site.progress.say("warm_hits", f"{tasks} tasks, {HITS_RATE} a second")
    add_queue(site, "random", least=2, most=6)
    draw, results, task = random.Random(1), [], site.task.using(queue_name="random")
    for _ in range(tasks):
        time.sleep(draw.expovariate(HITS_RATE))
        results.append(task.enqueue(1, 2))
    for result in results:
        result.wait(timeout=DEADLINE_SECONDS)
    share = sum(map(claimed, results)) / len(results)
    return Figure(
        name="warm_hits",
        value=share,
        unit="of tasks",
        target=HITS_TARGET,
        target_of="value",
        bound="≥",
        extra={"n": len(results), "min": 2, "max": 6},
    )
