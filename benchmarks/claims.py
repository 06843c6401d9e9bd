"""`claim_cpu`, `warm_writes`: what a task that finds a standby pod costs the operator, against one with a pod of its own, on
fake nodes and in the same run.

In bursts, as `operator_cpu_per_task` is measured, with standby pods made in place of those that are taken. The pods of
both report as real ones do, so both cost what they cost with real ones.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import crowd
from benchmarks.child import child
from benchmarks.figures import Figure
from benchmarks.operator_counters import Counters
from benchmarks.process import Usage
from benchmarks.samples import in_turn
from benchmarks.warm_queues import wait_ready
from djangotasks_api.names import TASK_UID_LABEL, job_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.child import Child
    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

# A burst has as many tasks as there are standby pods.
QUEUES, POOL = 20, 10
TASKS, BATCHES, WARM_UP = 800, 4, 20
WARM, COLD = ([f"{kind}-{number}" for number in range(QUEUES)] for kind in ("warm", "cold"))
# Longer than its reports take.
RUNS_FOR = "2s"
IDLE_SECONDS = 20.0
DEADLINE_SECONDS = 120.0
CPU_TARGET_MS, WRITES_TARGET = 10.0, 1.2


@dataclass(frozen=True, slots=True)
class Batch:
    """`tasks` that were sent, of which `hits` found a standby pod. `used`: by the operator meanwhile."""

    tasks: int
    hits: int
    used: Counters.Difference


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    size = max(1, (options.runs or TASKS) // BATCHES)
    for name in WARM:
        site.add_queue(name, runs_for=RUNS_FOR, standby={"min": POOL, "max": POOL})
    for name in COLD:
        site.add_queue(name, runs_for=RUNS_FOR)
    counters = Counters.of_process(site.operator)
    with runners(site) as client:
        for queues in (WARM, COLD):
            batch(site, counters, queues, WARM_UP)
        idle = idle_share(counters)
        site.progress.say(
            "claim_cpu", f"{BATCHES} bursts of {size} tasks that find standby pods, and as many that find none"
        )
        before, counts = Usage.of(client.pid), counts_of(client)
        warm, cold = in_turn(BATCHES, [partial(batch, site, counters, queues, size) for queues in (WARM, COLD)])
        after, done = Usage.of(client.pid), counts_of(client)
    begun = done["begun"] - counts["begun"]
    shares = {
        "n": size * BATCHES,
        "hits": hits(warm),
        "reported": (done["reported"] - counts["reported"]) / max(begun, 1),
        "client_cpu": 1000 * (after.cpu - before.cpu) / max(begun, 1),
    }
    yield Figure(
        name="claim_cpu",
        value=cpu(warm, idle),
        unit="ms",
        baseline=cpu(cold, idle),
        target=CPU_TARGET_MS,
        target_of="value",
        extra=shares | {"idle_percent": 100 * idle},
    )
    yield Figure(
        name="warm_writes",
        value=writes(warm) - writes(cold),
        unit="writes more",
        target=WRITES_TARGET,
        target_of="value",
        extra={"warm": writes(warm), "cold": writes(cold)} | shares,
    )


@contextmanager
def runners(site: FakeSite) -> Iterator[Child]:
    """The runners of the pods of the site's namespace."""
    arguments = ("-m", "benchmarks.fake_runners", str(site.kubeconfig), site.namespace)
    with child("", site.folder / "runners.log", *arguments) as client:
        yield client


def counts_of(client: Child) -> dict[str, int]:
    found: dict[str, int] = json.loads(client.ask("counts"))
    return found


def batch(site: FakeSite, counters: Counters, queues: Sequence[str], size: int) -> Batch:
    """So many tasks in turn to the queues, until their pods have ended, and others wait in place of the standby pods."""
    wait_filled(site)
    before = counters.read()
    manifests = [crowd.task(queues[number % len(queues)]) for number in range(size)]
    names = crowd.names_of(manifests)
    with crowd.task_ends(site.kubeconfig, site.namespace) as ends:
        crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), manifests)
        ends.wait(names, seconds=DEADLINE_SECONDS)
    pods = {name: pod for name, pod in pods_of(site).items() if name in set(names)}
    with crowd.Ends(site.kubeconfig, f"{pods_path(site)}?labelSelector={TASK_UID_LABEL}", pod_end) as ends:
        ends.wait(list(pods.values()), seconds=DEADLINE_SECONDS)
    with crowd.job_ends(site.kubeconfig, site.namespace) as ends:
        ends.wait([job_name(name, 1) for name in names], seconds=DEADLINE_SECONDS)
    wait_filled(site)
    return Batch(size, sum(pod != job_name(name, 1) for name, pod in pods.items()), counters.read().since(before))


def wait_filled(site: FakeSite) -> None:
    for name in WARM:
        wait_ready(site, name, POOL)


def pods_path(site: FakeSite) -> str:
    return f"/api/v1/namespaces/{site.namespace}/pods"


def pods_of(site: FakeSite) -> dict[str, str]:
    """The name of each ended task's pod, by the task's."""
    items: list[dict[str, Any]] = site.api.get(crowd.tasks_path(site.namespace))["items"]
    return {
        item["metadata"]["name"]: item["status"]["attempts"][0]["pod"]
        for item in items
        if crowd.task_end(item) is not None
    }


def pod_end(pod: crowd.Object) -> str | None:
    phase: str = pod.get("status", {}).get("phase", "")
    return phase if phase in ("Succeeded", "Failed") else None


def idle_share(counters: Counters) -> float:
    """What the operator uses of a core while all standby pods wait."""
    before = counters.read()
    time.sleep(IDLE_SECONDS)
    used = counters.read().since(before)
    return used.cpu / used.seconds


def cpu(batches: Sequence[Batch], idle: float) -> float:
    """ms a task."""
    used = sum(each.used.cpu - idle * each.used.seconds for each in batches)
    return 1000 * used / sum(each.tasks for each in batches)


def writes(batches: Sequence[Batch]) -> float:
    return sum(each.used.writes for each in batches) / sum(each.tasks for each in batches)


def hits(batches: Sequence[Batch]) -> float:
    return sum(each.hits for each in batches) / sum(each.tasks for each in batches)
