"""`retry_lateness`: how long after its due time a retry's function is called, in real containers.

Due is what the status said while the attempt waited, `nextAttemptAt`; the start is the pod's own word. Between them are the
operator's timer and a cold start, so the start of the first attempts stands beside it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks import crowd, jobs
from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.samples import median, percentile
from benchmarks.site import QUEUE
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

TASKS = 15
# A wait in which the node has time to say that the first pod has ended, which a retry waits for.
DELAY_SECONDS = 3.0
# And one in which it has not.
SHORT_SECONDS = 0.5
DEADLINE_SECONDS = 60.0
TARGET_SECONDS = 1.5


@dataclass
class Due:
    """When the next attempt of each task was due, as its status said it. For `crowd.Ends`."""

    at: dict[str, str] = field(default_factory=dict)

    def end_of(self, task: crowd.Object) -> str | None:
        if due := task.get("status", {}).get("nextAttemptAt"):
            self.at[task["metadata"]["name"]] = due
        return crowd.task_end(task)


@dataclass(frozen=True)
class Sample:
    """Seconds. `first`: from the request that creates the task to its first attempt's start."""

    late: float
    first: float


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    count, due = runs or TASKS, Due()
    with crowd.Ends(site.kubeconfig, crowd.tasks_path(site.namespace), due.end_of) as ends:
        sample(site, ends, due, SHORT_SECONDS)
        site.progress.say("retry_lateness", f"{count} tasks that fail once, and fewer with a shorter wait")
        calm = Calm()
        samples, short = [], []
        for number in range(count):
            calm()
            samples.append(sample(site, ends, due, DELAY_SECONDS))
            if number % 3 == 0:
                short.append(sample(site, ends, due, SHORT_SECONDS).late)
    late, first = [sample.late for sample in samples], [sample.first for sample in samples]
    yield Figure(
        name="retry_lateness",
        value=percentile(late, 95),
        unit="s",
        baseline=percentile(first, 95),
        target=TARGET_SECONDS,
        target_of="value",
        extra={
            "p50": median(late),
            "baseline_p50": median(first),
            "n": count,
            "delay": DELAY_SECONDS,
            f"p50_after_{SHORT_SECONDS:g}_s": median(short),
        },
    )


def sample(site: Site, ends: crowd.Ends, due: Due, delay: float) -> Sample:
    """One task, which fails once; returns when its second pod has ended too."""
    backoff = {"initialSeconds": delay, "factor": 1, "maxSeconds": delay}
    manifest = crowd.task(
        QUEUE,
        task="shop.probes.fail_until",
        payload=json.dumps({"args": [2], "kwargs": {}}),
        policy={"maxAttempts": 2, "backoff": backoff},
    )
    name: str = manifest["metadata"]["name"]
    began = time.time()
    crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), [manifest])
    ends.wait([name], seconds=DEADLINE_SECONDS)
    _settled(site, f"{name}-2")
    attempts = site.api.get(f"{crowd.tasks_path(site.namespace)}/{name}")["status"]["attempts"]
    first, second = (_time(attempt["startedAt"]) for attempt in attempts)
    late = second - _time(due.at[name])
    assert late >= 0, f"{name}: its second attempt started {-late:.3f} s before it was due"
    return Sample(late, first - began)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _settled(site: Site, job: str) -> None:
    """So that the end of one pod does not slow the start of the next."""
    path = f"{jobs.jobs_path(site.namespace)}/{job}"

    def ended() -> Any:
        return jobs.condition_of(site.api.get(path))

    wait_for(f"the Job {job} ended", ended, seconds=DEADLINE_SECONDS)
