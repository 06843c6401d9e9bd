"""`writes_per_task` and `operator_writes_per_task`: what a successful task costs the API server and etcd."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks import api_writes, jobs
from benchmarks.figures import Figure
from benchmarks.intervals import Interval, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.site import Site

TASKS = 20
ROUNDS = 2
# At once: more than the machine can start would measure its waiting, in events and statuses.
AT_ONCE = 2
POLL_SECONDS = 0.1
JOB_SECONDS = 60.0
TARGET = 0.90
OPERATOR_TARGET = 5.0


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    share = -(-(runs or TASKS) // ROUNDS)
    total = share * ROUNDS

    def enqueue() -> None:
        site.task.enqueue(1, 2)

    def create() -> None:
        jobs.create(site.api, site.namespace, jobs.bare_job(site.queue))

    def tasks() -> Interval:
        expected = {"POST djangotasks": share, "POST jobs": share, "POST pods": share}
        return counted(site, "tasks", lambda: work_off(site, enqueue, share), expected)

    def bare() -> Interval:
        expected = {"POST jobs": share, "POST pods": share}
        return counted(site, "bare Jobs", lambda: work_off(site, create, share), expected)

    # The first of each may differ: caches, the first events of a namespace.
    work_off(site, enqueue, 1)
    work_off(site, create, 1)
    site.progress.say("writes", f"{ROUNDS} rounds of {share} tasks and {share} bare Jobs, {AT_ONCE} at once")
    rounds = [(tasks(), bare()) if number % 2 == 0 else (bare(), tasks())[::-1] for number in range(ROUNDS)]
    task_rounds, bare_rounds = [a for a, _ in rounds], [b for _, b in rounds]
    seconds = max(interval.seconds for pair in rounds for interval in pair)
    site.progress.say("writes", f"an idle interval of {seconds:.0f} s")
    idle = counted(site, "idle", lambda: time.sleep(seconds), {})
    of_tasks, of_jobs = (per_task(part, idle, total) for part in (task_rounds, bare_rounds))
    yield Figure(
        name="writes_per_task",
        value=sum(of_tasks.values()),
        unit="writes",
        baseline=sum(of_jobs.values()),
        target=TARGET,
        extra={"n": total, "idle_writes_per_second": idle.writes.total() / idle.seconds}
        | {"writes": of_tasks, "baseline_writes": of_jobs},
    )
    operators = api_writes.operator_part(of_tasks)
    yield Figure(
        name="operator_writes_per_task",
        value=sum(operators.values()),
        unit="writes",
        target=OPERATOR_TARGET,
        target_of="value",
        extra={"n": total, "writes": operators},
    )


def work_off(site: Site, start: Callable[[], None], count: int) -> None:
    """Starts so many, never more than AT_ONCE at a time, and waits until the Job of each has ended."""
    before, started = len(_states(site)), 0
    deadline = time.monotonic() + JOB_SECONDS * count
    while True:
        ended = sum(state is not None for state in _states(site)) - before
        if ended == count:
            break
        while started < min(count, ended + AT_ONCE):
            start()
            started += 1
        assert time.monotonic() < deadline, f"{ended} of {count} Jobs ended"
        time.sleep(POLL_SECONDS)
    assert "Failed" not in _states(site), "a task or a bare Job failed"


def _states(site: Site) -> list[str | None]:
    return [jobs.condition_of(job) for job in site.api.get(jobs.jobs_path(site.namespace))["items"]]


def per_task(intervals: list[Interval], idle: Interval, tasks: int) -> dict[str, float]:
    writes = sum((interval.writes for interval in intervals), Counter[str]())
    share = sum(interval.seconds for interval in intervals) / idle.seconds
    return api_writes.per_task(writes, idle.writes, share, tasks)
