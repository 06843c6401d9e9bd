"""`runner_cpu`: CPU time of a task's process, with the garbage collector as the runner has it, against Python's default.

As `runner_overhead`: processes on this machine, in turn, that report to a small HTTP server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.runner_overhead import WARM_UP, Process, task_processes
from benchmarks.samples import interleaved, median, percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cluster import Progress

PAIRS = 20
TARGET = 0.80


def measure(progress: Progress, runs: int | None = None) -> Iterator[Figure]:
    pairs = runs or PAIRS
    with task_processes() as run:

        def ours() -> tuple[Process, float]:
            return run({})

        def pythons() -> tuple[Process, float]:
            return run({"DJANGOTASKS_GC": "default"})

        interleaved(WARM_UP, ours, pythons)
        progress.say("runner_cpu", f"{pairs} pairs of a task's process with each of the two")
        samples, baseline = interleaved(pairs, ours, pythons, before=Calm())
    cpu, default = [process.cpu for process, _ in samples], [process.cpu for process, _ in baseline]
    yield Figure(
        name="runner_cpu",
        value=median(cpu),
        unit="ms",
        baseline=median(default),
        target=TARGET,
        extra={
            "spread": percentile(cpu, 75) - percentile(cpu, 25),
            "until_outcome_ratio": median([outcome for _, outcome in samples])
            / median([outcome for _, outcome in baseline]),
            "wall_ratio": median([process.wall for process, _ in samples])
            / median([process.wall for process, _ in baseline]),
            "n": pairs,
        },
    )
