"""A week of a leader, on a clock that is only moved: what it keeps in memory does not grow. Objects are counted, not bytes
or time."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any
from unittest import mock

import pytest

from djangotasks_api.names import (
    API_VERSION,
    HOLD_PLURAL,
    QUEUE_PLURAL,
    SCHEDULE_PLURAL,
    TASK_PLURAL,
    WORKFLOW_KIND,
    WORKFLOW_PLURAL,
)
from djangotasks_operator.cache import standby_pods
from djangotasks_operator.cache.deleted_queues import DeletedQueues
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.controllers import queue_edits
from djangotasks_operator.reports.authentication import AttemptRef
from tests.unit.operator.model.calls import Calls
from tests.unit.operator.model.outcomes import make_outcome
from tests.unit.operator.model.replica import WATCHES, Replica
from tests.unit.operator.model.server import ApiServer
from tests.unit.operator.model.simulation import Process, Report, Simulation
from tests.unit.operator.model.standbys import numbered_pods

HOUR = 3600.0
STEP_SECONDS = 600.0
DAYS = 7
# What is kept of a finished task for so long is not there any more at the end of a day.
TTL_SECONDS = 600
# A day's beginning and its end differ by what is remembered of the last few objects that were deleted, up to a bound.
REMEMBERED = 8
POLICY = {"ttlSecondsAfterFinished": TTL_SECONDS, "maxAttempts": 2, "backoff": {"initialSeconds": 5}}
# Of these tasks, what their functions do.
KINDS = ("success", "failure", "final failure", "success", "never")


class Week:
    """Two queues, one with standby pods. Every two hours some tasks, each day a workflow, a hold, and a queue that comes and
    goes."""

    def __init__(self) -> None:
        self.world = Simulation()
        self.server = self.world.server
        self.world.put_queue("default", 2)
        self.world.put_queue("warm", None, standby={"min": 1, "max": 2})
        task = {"task": "shop.tasks.nightly", "queue": "default", "policy": POLICY}
        self.server.create(
            SCHEDULE_PLURAL, {"metadata": {"name": "hourly"}, "spec": {"cron": ["7 * * * *"], "task": task}}
        )
        self.leader = Replica(self.server, leads=True)
        self.count = 0
        self.kinds: dict[str, str] = {}

    def day(self) -> None:
        self.world.hold("default", 1, HOUR)
        self.world.put_queue(f"passing-{self.count}", 1)
        self.workflow()
        for hour in range(0, 24, 2):
            self.hour(hour)
        for body in self.server.list(QUEUE_PLURAL):
            if body["metadata"]["name"].startswith("passing"):
                self.server.delete(QUEUE_PLURAL, body["metadata"]["name"])
        self.pass_time(2 * HOUR)
        left = [body["metadata"]["name"] for plural in (TASK_PLURAL, HOLD_PLURAL) for body in self.server.list(plural)]
        assert not left, left

    def hour(self, hour: int) -> None:
        for number, kind in enumerate(KINDS):
            self.count += 1
            name = f"task-{self.count}"
            self.kinds[name] = kind
            self.world.enqueue(name, {"queue": ("default", "warm")[number % 2], "policy": POLICY})
        if hour % 6 == 0 and (pods := self.world.pods()):
            self.server.delete("pods", pods[0].name)
        self.pass_time(2 * HOUR)

    def workflow(self) -> None:
        steps = [
            {"name": name, "task": "shop.tasks.a", "after": after, "queue": "default", "policy": POLICY}
            for name, after in (("first", []), ("second", ["first"]))
        ]
        spec = {"steps": steps, "lists": [], "queue": "default", "ttlSecondsAfterFinished": TTL_SECONDS}
        body = {"apiVersion": API_VERSION, "kind": WORKFLOW_KIND, "metadata": {"name": f"flow-{self.count}"}}
        self.server.create(WORKFLOW_PLURAL, body | {"spec": spec})

    def pass_time(self, seconds: float) -> None:
        """In steps, after each of which all is done that can be."""
        end = self.world.clock.seconds() + seconds
        while self.world.clock.seconds() < end:
            while self.move():
                pass
            self.world.clock.advance(STEP_SECONDS)
        while self.move():
            pass
        self.forget()

    def move(self) -> bool:
        world, before = self.world, len(self.server.events)
        self.server.collect()
        for body in [
            *world.standbys.deleting(),
            *(b for b in self.server.list("pods") if "deletionTimestamp" in b["metadata"]),
        ]:
            if ("pods", body["metadata"]["name"]) in self.server.objects:
                self.end(body["metadata"]["uid"])
                self.server.remove("pods", body["metadata"]["name"])
        for pod in world.waiting():
            world.start(pod)
        for body in world.standbys.not_started():
            world.standbys.start(body)
        for standby in world.standbys.silent():
            self.leader.take_request(standby)
        for standby in world.standbys.answers():
            world.begin(standby)
        moved = any((self.leader.see_all(), self.leader.drain()))
        for process in world.working():
            self.run(process)
        while world.reports:
            self.deliver(world.reports.pop())
        return moved or len(self.server.events) > before

    def end(self, uid: str) -> None:
        self.world.standbys.dies(uid)
        if (process := self.world.processes.get(uid)) is not None:
            process.alive = False

    def run(self, process: Process) -> None:
        kind = self.kinds.get(process.pod.task, "success")
        if kind == "never":
            process.hangs = True
            self.server.update(TASK_PLURAL, process.pod.task, {"spec": {"cancel": True}})
            return
        if kind == "failure" and process.pod.attempt > 1:
            kind = "success"
        self.world.finish(process, make_outcome(kind, process, self.world.clock.now.isoformat()))
        self.world.end(process.pod, 0, "Completed")

    def deliver(self, report: Report) -> None:
        if report.outcome is not None:
            self.leader.take_outcome(AttemptRef(report.key, report.uid, report.attempt), report.outcome, lambda _: None)

    def forget(self) -> None:
        """What the world remembers is no part of the operator."""
        assert not any(self.leader.unseen(plural) for plural in WATCHES)
        self.server.events.clear()
        self.leader._seen = dict.fromkeys(WATCHES, 0)
        self.leader.seen_pods.clear()


def objects(root: object) -> Counter[str]:
    """What can be reached from there, by type. Not the world: that is reached through its API server."""
    found: Counter[str] = Counter()
    seen: set[int] = set()
    left: list[Any] = [root]
    while left:
        if id(one := left.pop()) in seen or isinstance(one, (type, ModuleType, FunctionType, ApiServer, Calls)):
            continue
        seen.add(id(one))
        found[type(one).__name__] += 1
        left += gc.get_referents(one)
    return found


@pytest.fixture
def small_memories() -> Iterator[None]:
    """What is remembered of the last so many objects is full at once."""
    with (
        numbered_pods(),
        mock.patch.object(standby_pods, "LAST_MAX", REMEMBERED),
        mock.patch.object(queue_edits, "REMEMBERED_MAX", 1),
        mock.patch.object(DeletedQueues.__init__, "__defaults__", (1,)),
        mock.patch.object(Tombstones.__init__, "__defaults__", (REMEMBERED,)),
    ):
        yield


@pytest.mark.thorough
def test_the_objects_of_a_leader_do_not_grow(small_memories: None) -> None:
    week, counts = Week(), list[Counter[str]]()
    for _ in range(DAYS):
        week.day()
        counts.append(objects(week.leader._operator))
    totals = [sum(count.values()) for count in counts]
    assert week.count > 400
    # A handful more or less, by what of the last objects is remembered.
    assert max(totals[1:]) <= totals[0] + REMEMBERED, (totals, (counts[-1] - counts[0]).most_common(10))
