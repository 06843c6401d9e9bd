"""Two leaders at once, crashes at every call, edits, and calls that fail: a scheduled time has one task at most, and none
is lost. The real controllers on the API server in memory."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from djangotasks_api.models import DjangoTask
from djangotasks_api.names import SCHEDULE_PLURAL, TASK_PLURAL
from djangotasks_api.schedules.timing import Timing
from tests.unit.operator.model.replica import Replica
from tests.unit.operator.model.server import KINDS, ApiServer, Clock

MINUTE = timedelta(minutes=1)
SPECS = st.sampled_from(
    [
        {"concurrencyPolicy": policy, "catchUp": catch_up, "cron": cron}
        for policy in ("Allow", "Forbid", "Replace", "Queue")
        for catch_up in ("Latest", "All")
        for cron in (["* * * * *"], ["*/2 * * * *"])
    ]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("time"), st.sampled_from([1, 5, 30, 60, 180])),
        st.tuples(st.sampled_from(["see", "work", "go on", "go on", "fail", "crash"]), st.integers(0, 1)),
        st.tuples(st.just("finish"), st.none()),
        st.tuples(st.just("edit"), SPECS),
    ),
    max_size=60,
)


# For so long a leader that lost its Lease may still write (RENEW_DEADLINE), and its last request be on its way.
LEASE_SECONDS = 25.0


class World:
    """Both replicas lead, as for a moment when one takes over from the other. One that knows less than the API server,
    or has a request on its way, for longer than a Lease allows does not lead any more, and starts again.

    Tasks wait for a queue that is not there, until they are finished by hand."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.server = ApiServer(Clock())
        task = {"task": "a.b", "queue": "missing", "policy": {"ttlSecondsAfterFinished": 0}}
        self.server.create(SCHEDULE_PLURAL, {"metadata": {"name": "nightly"}, "spec": spec | {"task": task}})
        self.replicas = [Replica(self.server, leads=True), Replica(self.server, leads=True)]
        self.behind_since: list[float | None] = [None, None]

    def pass_time(self, seconds: float) -> None:
        now = self.server.clock.seconds()
        for index, replica in enumerate(self.replicas):
            behind = bool(replica.running) or any(replica.unseen(plural) for plural in KINDS)
            since = self.behind_since[index]
            self.behind_since[index] = since = (now if since is None else since) if behind else None
            if since is not None and now + seconds - since > LEASE_SECONDS:
                self.step("crash", index)
        self.server.clock.advance(seconds)

    def step(self, what: str, argument: Any) -> None:
        match what:
            case "time":
                self.pass_time(argument)
            case "finish":
                for body in self.server.list(TASK_PLURAL):
                    if body["status"]["phase"] == "Queued":
                        end = {"phase": "Succeeded", "finishedAt": self.server.clock.now.isoformat()}
                        self.server.update(TASK_PLURAL, body["metadata"]["name"], {"status": end})
            case "edit":
                self.server.update(SCHEDULE_PLURAL, "nightly", {"spec": argument})
            case "crash":
                self.replicas[argument].close()
                self.replicas[argument] = Replica(self.server, leads=True)
                self.behind_since[argument] = None
            case "see":
                self.replicas[argument].see_all()
            case "work":
                self.replicas[argument].begin_work()
            case _:
                replica = self.replicas[argument]
                if replica.running:
                    (replica.fail if what == "fail" else replica.step)(0)

    def calm(self) -> None:
        """All that is on its way goes on."""
        while any([*(replica.see_all() for replica in self.replicas), *(replica.drain() for replica in self.replicas)]):
            pass

    def created(self) -> list[DjangoTask]:
        """Every task that ever was."""
        return [
            DjangoTask.model_validate(event.body)
            for event in self.server.events
            if (event.plural, event.type) == (TASK_PLURAL, "ADDED")
        ]

    def close(self) -> None:
        for replica in self.replicas:
            replica.close()


def scheduled_for(task: DjangoTask) -> datetime:
    assert task.spec.scheduled_for is not None
    return task.spec.scheduled_for


# The first leader creates a task, which finishes, is recorded, and may go; the second has seen nothing of it.
SEEN_BY_ONE_ALONE = [("time", 60), ("work", 0), ("go on", 0), ("go on", 0), ("finish", None)]


@given(SPECS, STEPS)
@example({"cron": ["* * * * *"], "concurrencyPolicy": "Allow", "catchUp": "All"}, SEEN_BY_ONE_ALONE)
def test_a_time_has_one_task_at_most(spec: dict[str, Any], steps: list[tuple[str, Any]]) -> None:
    """S1: also once the task is deleted, which the operator does as soon as it may."""
    world = World(spec)
    try:
        for what, argument in steps:
            world.step(what, argument)
        for _ in range(4):
            world.calm()
            world.step("finish", None)
            world.step("time", 30)
        world.calm()
    finally:
        world.close()
    names = [task.metadata.name for task in world.created()]
    assert len(names) == len(set(names))
    assert not world.server.violations, world.server.violations


@given(st.sampled_from(["Allow", "Forbid", "Queue"]), STEPS)
def test_all_loses_none(policy: str, steps: list[tuple[str, Any]]) -> None:
    """S2: of a schedule that is not edited, every time has its task."""
    world = World({"cron": ["* * * * *"], "concurrencyPolicy": policy, "catchUp": "All"})
    begin = world.server.clock.now
    try:
        for what, argument in steps:
            if what != "edit":
                world.step(what, argument)
        end = world.server.clock.now
        for _ in range(120):
            world.calm()
            world.step("finish", None)
            if {scheduled_for(task) for task in world.created()} >= set(
                Timing.of(cron=["* * * * *"]).between(begin, end)
            ):
                break
            world.step("time", 61)
    finally:
        world.close()
    times = [scheduled_for(task) for task in world.created()]
    assert times == sorted(set(times))
    assert set(times) >= set(Timing.of(cron=["* * * * *"]).between(begin, end))


def test_a_request_that_is_late_creates_no_second_task() -> None:
    """Two leaders for a moment: one creates the task, which ends, is recorded and has no TTL; then the other's request
    comes."""
    world = World({"cron": ["* * * * *"], "concurrencyPolicy": "Allow", "catchUp": "All"})
    for what, argument in [("time", 60), ("work", 0), ("go on", 0), ("finish", None)]:
        world.step(what, argument)
    for replica in world.replicas:
        replica.see_all()
    for replica in world.replicas:
        replica.drain()
    world.calm()
    world.close()
    assert len(world.created()) == 1
