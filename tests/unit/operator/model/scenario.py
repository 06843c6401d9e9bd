"""What may happen in the world, and what must come of it when nothing new does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from unittest import mock

from djangotasks_api.names import HOLD_PLURAL, QUEUE_PLURAL, TASK_PLURAL
from djangotasks_api.phases import Phase
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.status import endings
from tests.unit.operator.model.calls import Running
from tests.unit.operator.model.choices import (
    BUDGET,
    NAMES,
    SECONDS,
    SKEWS,
    TASKS,
    Choose,
    queue_limits,
    task_spec,
)
from tests.unit.operator.model.invariants import INTERRUPTIONS_MAX
from tests.unit.operator.model.judges import Judges
from tests.unit.operator.model.outcomes import readable
from tests.unit.operator.model.pod_ways import PodWays
from tests.unit.operator.model.replica import WATCHES, Replica
from tests.unit.operator.model.simulation import Report, Simulation
from tests.unit.operator.model.standby_ways import StandbyWays


def few_interruptions() -> AbstractContextManager[object]:
    """A scenario may come to an end that would take too many steps."""
    return mock.patch.object(endings, "INTERRUPTIONS_MAX", INTERRUPTIONS_MAX)


class Scenario:
    """Two replicas of the operator, the first of which leads, in a world of their own."""

    def __init__(self) -> None:
        self.world = Simulation()
        self.server = self.world.server
        self.judges = Judges(self.world, lambda: self.leader)
        self.spent: Counter[str] = Counter()
        self.replicas = [Replica(self.server, leads=True), Replica(self.server, leads=False)]
        self.pods, self.standbys = PodWays(self), StandbyWays(self)
        self.late: Running | None = None

    @property
    def leader(self) -> Replica:
        return self.replicas[0]

    def begin(self, choose: Choose) -> None:
        self.replicas = [Replica(self.server, leads=leads, skew=choose(*SKEWS)) for leads in (True, False)]
        self.queue_changes(choose)
        if choose(False, True):
            self.operator_gets_on(choose)
            self.standbys.go_on()
        for _ in range(choose(1, 2)):
            self.task_is_enqueued(choose)
        self.operator_gets_on(choose)

    def close(self) -> None:
        self.drop_late()
        for replica in self.replicas:
            replica.close()

    def look(self) -> None:
        """Judges all that has happened. Raises AssertionError."""
        self.judges.look()

    def possible(self) -> list[Callable[[Choose], None]]:
        world = self.world
        ways: list[tuple[int, Callable[[Choose], None], object]] = [
            (3, self.things_take_their_course, True),
            (2, self.time_passes, True),
            (2, self.operator_gets_on, self.unseen() or self.leader.has_work() or self.running()),
            (1, self.worker_begins, self.leader.has_work()),
            (3, self.call_goes_on, self.running()),
            (1, self.call_fails, self.running()),
            (2, self.watch_tells, self.unseen()),
            (4, self.pods.pod_is_waiting, world.waiting()),
            (4, self.pods.pod_runs, world.alive()),
            (3, self.pods.pod_is_deleted, world.deleting()),
            *self.standbys.possible(),
            (3, self.report_arrives, world.reports),
            (1, self.report_is_lost, world.reports),
            (2, self.task_is_enqueued, self.free_names() and self.unfinished_tasks() < TASKS),
            # Too much of these, and nothing else would ever happen.
            (1, self.task_is_cancelled, self.server.list(TASK_PLURAL) and self.spent["people"] < BUDGET),
            (1, self.object_is_deleted, self.server.list("jobs") and self.spent["people"] < BUDGET),
            (1, self.queue_changes, self.spent["administrator"] < BUDGET),
            (1, self.hold_changes, self.spent["administrator"] < BUDGET),
            (1, self.quota_changes, self.spent["administrator"] < BUDGET),
            (1, self.process_is_gone, self.spent["trouble"] < BUDGET),
            (3, self.late_request_arrives, self.late),
        ]
        return [way for weight, way, possible in ways if possible for _ in range(weight)]

    def things_take_their_course(self, choose: Choose) -> None:
        """Whatever comes next where nothing goes wrong. First in the list, since hypothesis likes that best."""
        world = self.world
        ways = [
            (self.operator_gets_on, self.unseen() or self.leader.has_work() or self.running()),
            (self.standbys.standbys_go_on, self.standbys.can_go_on()),
            (self.pods.pod_is_deleted, world.deleting()),
            (self.pods.pod_is_waiting, world.waiting()),
            (self.report_arrives, world.reports),
            (self.pods.pod_runs, world.alive()),
            (self.task_is_enqueued, self.free_names() and self.unfinished_tasks() < TASKS),
            (self.time_passes, True),
        ]
        next(way for way, possible in ways if possible)(choose)

    # People

    def task_is_enqueued(self, choose: Choose) -> None:
        spec = task_spec(choose, self.world.clock.now)
        self.world.enqueue(choose(*self.free_names()), spec)

    def task_is_cancelled(self, choose: Choose) -> None:
        self.spent["people"] += 1
        name = choose(*self.server.list(TASK_PLURAL))["metadata"]["name"]
        self.server.update(TASK_PLURAL, name, {"spec": {"cancel": True}})

    def object_is_deleted(self, choose: Choose) -> None:
        self.spent["people"] += 1
        plural = choose("jobs", "jobs", TASK_PLURAL)
        if found := self.server.list(plural):
            self.server.delete(plural, choose(*found)["metadata"]["name"])

    def queue_changes(self, choose: Choose) -> None:
        self.spent["administrator"] += 1
        name, concurrency = choose("default", "default", "later"), choose(None, 1, 2, "deleted")
        if concurrency != "deleted":
            self.world.put_queue(name, concurrency, **queue_limits(choose))
        elif (QUEUE_PLURAL, name) in self.server.objects:
            self.server.delete(QUEUE_PLURAL, name)

    def hold_changes(self, choose: Choose) -> None:
        self.spent["administrator"] += 1
        name = choose("default", "default", "later")
        if (HOLD_PLURAL, name) not in self.server.objects:
            self.world.hold(name, choose(0, 0, 1), choose(None, 5, 60))
        elif choose(True, False):
            self.server.delete(HOLD_PLURAL, name)
        else:
            self.world.hold(name, choose(1, 0), choose(60, None))

    def quota_changes(self, choose: Choose) -> None:
        self.spent["administrator"] += 1
        self.server.refusal = choose(None, None, "exceeded quota: narrow", "denied by policy")
        self.server.quotas = choose({}, {"pods": 1}, {"pods": 2}, {"jobs": 1})

    # Reports

    def report_arrives(self, choose: Choose) -> None:
        report = choose(*self.world.reports)
        if choose("once", "once", "twice") == "once":
            self.world.reports.remove(report)
        self.deliver(report, choose(*self.replicas))

    def report_is_lost(self, choose: Choose) -> None:
        self.world.reports.remove(choose(*self.world.reports))

    def time_passes(self, choose: Choose) -> None:
        self.world.clock.advance(choose(*SECONDS))
        self.drop_late()
        self.server.collect()
        if sum(replica.time_out() for replica in self.replicas):
            self.note_fault()

    # The operator

    def operator_gets_on(self, choose: Choose) -> None:
        """Does all that it can."""
        for replica in self.replicas:
            replica.see_all()
            replica.drain()
            if replica is self.leader:
                self.leader_rests()

    def leader_rests(self) -> None:
        """It has seen all that there is, and has done all that it could."""
        self.judges.leader_rests()

    def watch_tells(self, choose: Choose) -> None:
        """One watch of one replica, and the others are late."""
        replica, plural = choose(*self.unseen())
        replica.see(plural, choose(1, None))

    def worker_begins(self, choose: Choose) -> None:
        self.leader.begin_work()

    def call_goes_on(self, choose: Choose) -> None:
        replica, index = choose(*self.running())
        replica.step(index, choose(1, 2, 3, 5))

    def call_fails(self, choose: Choose) -> None:
        """Before it reached the server, or its answer is lost: nobody knows."""
        self.note_fault()
        replica, index = choose(*self.running())
        replica.fail(index)

    def note_fault(self) -> None:
        """A request of the operator has failed."""
        self.spent["failed calls"] += 1
        self.judges.fault()

    def process_is_gone(self, choose: Choose) -> None:
        """In the middle of what it did, with all that it knew."""
        self.spent["trouble"] += 1
        self.drop_late()
        match choose("restart", "standby restarts", "failover", "held up", "held up"):
            case "standby restarts":
                self.replicas[1].close()
                self.replicas[1] = Replica(self.server, leads=False, skew=choose(*SKEWS))
                return
            case "restart":
                self.leader.close()
                self.replicas[0] = Replica(self.server, leads=True, skew=choose(*SKEWS))
            case how:
                starts = [running for running in self.leader.running if running.name.startswith("task ")]
                self.late = choose(*starts) if how == "held up" and starts else None
                self.leader.close(but=self.late)
                self.replicas = [self.replicas[1], Replica(self.server, leads=False, skew=choose(*SKEWS))]
                self.leader.lead()
        self.judges.another_leads()

    def late_request_arrives(self, choose: Choose) -> None:
        """The last one of a leader that leads no more. Its answer goes to nobody."""
        assert self.late is not None
        self.judges.is_late = True
        self.late.step()
        self.judges.is_late = False
        self.drop_late()

    def drop_late(self) -> None:
        if self.late is not None:
            self.late.coroutine.close()
            self.late = None

    def unfinished_tasks(self) -> int:
        return sum(not Phase(body["status"]["phase"]).is_terminal for body in self.server.list(TASK_PLURAL))

    def free_names(self) -> list[str]:
        return [name for name in NAMES if (TASK_PLURAL, name) not in self.server.objects]

    def unseen(self) -> list[tuple[Replica, str]]:
        return [(replica, plural) for replica in self.replicas for plural in WATCHES if replica.unseen(plural)]

    def running(self) -> list[tuple[Replica, int]]:
        return [(replica, index) for replica in self.replicas for index in range(len(replica.running))]

    def deliver(self, report: Report, replica: Replica) -> None:
        key, uid, attempt, outcome = report.key, report.uid, report.attempt, report.outcome
        ref = AttemptRef(key, uid, attempt)
        if report.progress is not None:
            replica.take_progress(ref, report.progress)
            return
        if outcome is None:
            if not self.world.is_too_late(report):
                replica.take_start(ref, datetime.fromisoformat(report.started_at))
            return

        def answered(status: int) -> None:
            if status == 200:
                self.world.taken[uid, attempt].append(outcome)
            elif status == 409 and self.world.is_current(key.name, uid, attempt):
                # The runner gives up on this answer: a result would be lost.
                self.server.violations.append(
                    f"the outcome of {key.name}-{attempt} was refused, and it is the current one"
                )

        if readable(outcome):
            replica.take_outcome(ref, outcome, answered)
