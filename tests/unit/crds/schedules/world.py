"""A schedule in a world without a cluster: the leader decides, creates, and records it or dies before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from djangotasks_api.names import scheduled_task_name
from djangotasks_api.schedules.due import Decision, Unfinished, due
from djangotasks_api.schedules.plan import Plan
from djangotasks_api.schedules.record import Record, Skip, SkipReason

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class World:
    """`spec`: what differs from a task each minute."""

    spec: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOON
    created_at: datetime = NOON
    generation: int = 1
    tasks: dict[str, Unfinished] = field(default_factory=dict)
    """The unfinished ones."""
    finished: set[str] = field(default_factory=set)
    """Finished tasks that still exist."""
    created: list[datetime] = field(default_factory=list)
    """The times for which a task was made."""
    created_when: list[datetime] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    stored: Record = field(default_factory=Record)
    """What the status has."""

    @property
    def plan(self) -> Plan:
        spec = {"cron": ["* * * * *"], "task": {}} | self.spec
        return Plan.of("nightly", "uid-1", self.created_at, spec, generation=self.generation)

    def decide(self) -> Decision:
        return due(self.plan, self.stored, self.tasks, self.now)

    def act(self, *, dies_after: int | None = None) -> None:
        """Decide and act until there is nothing to create. `dies_after`: so many creations, with nothing recorded."""
        record = self.stored
        for _ in range(1000):
            decision = due(self.plan, record, self.tasks, self.now)
            for name in decision.cancel:
                self.tasks[name] = Unfinished(cancelled=True)
            record = decision.record
            if dies_after is None:
                self.skips += decision.skips
            for at in decision.create:
                if dies_after == 0:
                    return
                self.create(at)
                record = record.created(at)
                dies_after = None if dies_after is None else dies_after - 1
            if not decision.create:
                break
        if dies_after is None:
            self.stored = record

    def create(self, at: datetime) -> None:
        """The API server knows each name once."""
        name = scheduled_task_name("nightly", at)
        if name not in self.tasks and name not in self.finished:
            self.tasks[name] = Unfinished()
            self.created.append(at)
            self.created_when.append(self.now)

    def finish(self, *, delete: bool = False) -> None:
        """All of its tasks end. `delete`: and are gone, where that was recorded."""
        self.finished |= self.tasks.keys()
        self.tasks.clear()
        if delete:
            last = self.stored.last
            self.finished = {
                name for name in self.finished if last is None or name > scheduled_task_name("nightly", last)
            }

    def wait(self, duration: timedelta, *, finish: bool = True) -> None:
        """Time passes, and it acts whenever it said that it would."""
        end = self.now + duration
        while (at := self.decide().wake_at) is not None and at <= end:
            self.now = max(at, self.now)
            self.act()
            if finish:
                self.finish()
        self.now = end
        self.act()
        if finish:
            self.finish()

    def reasons(self) -> set[SkipReason]:
        return {skip.reason for skip in self.skips}
