"""`soak_unaccounted`, `soak_rss_growth`: a steady load, faults one after the other, and then the reckoning."""

from __future__ import annotations

import random
import secrets
import statistics
import threading
import time
from typing import TYPE_CHECKING

from benchmarks import crowd
from benchmarks.fates import Fate
from benchmarks.figures import Figure
from benchmarks.soak import workflows
from benchmarks.soak.faults import Faults
from benchmarks.soak.promises import MAX_ATTEMPTS, Ask, Life, Promise, orphans, problems
from benchmarks.soak.standbys import LEAST, MOST, QUEUE, Standbys, task_of
from benchmarks.soak.workflows import FlowPromise, Kind
from benchmarks.soak.world import World
from benchmarks.workflows import flows
from tools.kubectl import StepFailed, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

TASKS_A_SECOND = 2.0
# One after so many tasks.
WORKFLOW_AFTER = 8
BETWEEN_FAULTS = 2.0
SETTLE_SECONDS = 600.0
TTL_SECONDS = 60
RUNS_FOR = {Fate.SUCCEED: "2s", Fate.FLAKY: "1s", Fate.FAIL: "1s", Fate.OOM: "1s", Fate.NEVER: None}
WEIGHTS = {Fate.SUCCEED: 12, Fate.FLAKY: 3, Fate.FAIL: 2, Fate.OOM: 1, Fate.NEVER: 1}
DELETED_SHARE = 0.05
# Of the tasks that succeed: those of a queue with standby pods.
STANDBY_SHARE = 0.5
RSS_GROWTH_TARGET = 1.10
NAMED_PROBLEMS = 20


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    """Raises StepFailed where a task is not accounted for."""
    seed = secrets.randbelow(2**32)
    site.progress.say("soak", f"{options.minutes:g} min, seed {seed}")
    site.operator.stop()
    for fate, runs_for in RUNS_FOR.items():
        site.add_queue(fate.value, fate, runs_for)
    site.add_queue(QUEUE, Fate.SUCCEED, "1s", standby={"min": LEAST, "max": MOST})
    with World(site.cluster, site.kubeconfig, site.namespace, site.folder) as world, Standbys(world) as standbys:
        faults, load = Faults(world, seed), Load(world, site, seed)
        memory = run(site, world, faults, load, options.minutes * 60)
        left = settle(world, load, faults, standbys)
        site.progress.say(
            "soak",
            f"{len(load.promises)} tasks, {len(load.flows)} workflows, {len(standbys.claimed)} standby pods claimed; "
            f"faults: {dict(faults.done)}",
        )
    yield Figure(
        name="soak_unaccounted",
        value=len(left),
        unit="problems",
        target=0,
        target_of="value",
        extra={
            "tasks": len(load.promises),
            "workflows": len(load.flows),
            "claims": len(standbys.claimed),
            "faults": faults.done.total(),
            "minutes": options.minutes,
            "seed": seed,
        },
    )
    early, late = thirds(memory)
    yield Figure(
        name="soak_rss_growth",
        value=late,
        unit="MiB",
        baseline=early,
        target=RSS_GROWTH_TARGET,
        extra={"peak": max(memory), "samples": len(memory)},
    )
    if left:
        raise StepFailed("\n".join((f"seed {seed}: {len(left)} problems", *left[:NAMED_PROBLEMS])))


def run(site: FakeSite, world: World, faults: Faults, load: Load, seconds: float) -> list[float]:
    """Until the time is over. Returns the memory of the replica that lives through it, in MiB."""
    memory: list[float] = []
    with load:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            said = faults.one()
            site.progress.say("soak", f"{said}; {len(load.promises)} tasks so far")
            memory.append(world.replicas[1].usage().rss)
            time.sleep(BETWEEN_FAULTS)
    return memory


def settle(world: World, load: Load, faults: Faults, standbys: Standbys) -> list[str]:
    """With nothing going wrong any more everything comes to its end. Returns what did not, and what was wrong."""
    for replica in world.replicas:
        replica.proxy.clear()
    faults.wait_ready()

    def left() -> list[tuple[Promise | FlowPromise, Life]]:
        all_ = [(p, world.lives[p.name]) for p in load.promises], [(p, world.flows[p.name]) for p in load.flows]
        return [(promise, life) for some in all_ for promise, life in some if not promise.kept(life)]

    def lives() -> str:
        return "\n".join(f"{promise}: {life.status}" for promise, life in left()[:NAMED_PROBLEMS])

    found: list[str] = []
    try:
        wait_for("everything ends", lambda: not left() or None, seconds=SETTLE_SECONDS, why=lives)
        wait_for("every Job says how it ended", lambda: not unfinished(world) or None, seconds=SETTLE_SECONDS)
        wait_for("standby pods wait, and not too many", lambda: standbys.is_settled() or None, seconds=SETTLE_SECONDS)
    except StepFailed as error:
        found.append(str(error))
    for promise in load.promises:
        life = world.lives[promise.name]
        again = {name: uids for name, uids in life.pods.items() if name not in faults.deleted}
        life = Life(life.status, life.gone, life.moved, again)
        found += [f"{promise.name} ({promise.fate}, {promise.ask}): {p}" for p in problems(promise, life)]
    found += standbys.problems()
    for flow in load.flows:
        found += [f"{flow}: {p}" for p in workflows.problems(flow, world.flows[flow.name], world.lives)]
    names = {item["metadata"]["name"] for item in world.tasks()}
    # The garbage collector takes its time.
    wait_for("no orphans", lambda: not orphans(*_names(world), names) or None, seconds=SETTLE_SECONDS)
    for replica in world.replicas:
        if "a defect" in (log := replica.log()):
            found.append(log[log.index("a defect") - 200 :][:2000])
    return found


def unfinished(world: World) -> list[str]:
    """Jobs of finished attempts that do not say so. Those of deleted tasks are about to go."""
    there = {item["metadata"]["name"] for item in world.tasks()}
    return [
        job["metadata"]["name"]
        for job in world.jobs()
        if not job.get("status", {}).get("conditions") and job["metadata"]["name"].rpartition("-")[0] in there
    ]


def _names(world: World) -> tuple[list[str], dict[str, str]]:
    """Of Jobs, and of Pods with their tasks. Those that wait are the queue's."""
    pods = {pod["metadata"]["name"]: task for pod in world.pods() if (task := task_of(pod)) is not None}
    return [item["metadata"]["name"] for item in world.jobs()], pods


def thirds(memory: list[float]) -> tuple[float, float]:
    """Medians of the second and of the last third: the first is the warm-up."""
    size = max(1, len(memory) // 3)
    return statistics.median(memory[size : 2 * size] or memory), statistics.median(memory[-size:])


class Load:
    """Use as a context manager: meanwhile tasks are enqueued at a steady rate, some cancelled, some deleted; and
    workflows."""

    def __init__(self, world: World, site: FakeSite, seed: int) -> None:
        self._world, self._site = world, site
        self._random = random.Random(seed + 1)
        self.promises: list[Promise] = []
        self.flows: list[FlowPromise] = []
        self._stop = threading.Event()

    def __enter__(self) -> None:
        self._thread = threading.Thread(target=self._enqueue, name="load", daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for promise in self.promises:
            self._ask(promise)
        for flow in self.flows:
            self._cancel(flow)

    def _create_workflow(self) -> None:
        kind = self._random.choice(list(Kind))
        manifest = workflows.manifest(kind, TTL_SECONDS)
        self._world.create_workflow(manifest)
        self.flows.append(FlowPromise(manifest["metadata"]["name"], kind))
        # That of some seconds ago.
        self._cancel(self.flows[-2] if len(self.flows) > 1 else self.flows[0])

    def _cancel(self, flow: FlowPromise) -> None:
        """Once more does no harm."""
        if flow.kind is Kind.STOPPED:
            path = f"{flows.path(self._site.namespace)}/{flow.name}"
            self._world.request("PATCH", path, {"spec": {"cancel": True}})

    def _enqueue(self) -> None:
        while not self._stop.wait(1 / TASKS_A_SECOND):
            fate = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            ask = Ask.CANCEL if fate is Fate.NEVER else Ask.NOTHING
            if self._random.random() < DELETED_SHARE:
                ask = Ask.DELETE
            policy = {
                "maxAttempts": MAX_ATTEMPTS,
                "ttlSecondsAfterFinished": TTL_SECONDS,
                "backoff": {"initialSeconds": 1, "factor": 1, "maxSeconds": 1},
            }
            queue = QUEUE if fate is Fate.SUCCEED and self._random.random() < STANDBY_SHARE else fate.value
            manifest = crowd.task(queue, policy=policy, priority=self._random.randint(-5, 5))
            self._world.enqueue(manifest)
            self.promises.append(Promise(manifest["metadata"]["name"], fate, ask))
            if len(self.promises) % WORKFLOW_AFTER == 0:
                self._create_workflow()
            # Some seconds later, at whatever they are then.
            if len(self.promises) > 5:
                self._ask(self.promises[-self._random.randint(2, 5)])

    def _ask(self, promise: Promise) -> None:
        """Once more does no harm."""
        path = f"{crowd.tasks_path(self._site.namespace)}/{promise.name}"
        match promise.ask:
            case Ask.CANCEL:
                self._world.request("PATCH", path, {"spec": {"cancel": True}})
            case Ask.DELETE:
                self._world.request("DELETE", path)
            case Ask.NOTHING:
                pass
