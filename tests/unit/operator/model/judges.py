"""All that judges a scenario, and what each of them is shown."""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.unit.operator.model.invariants import Watcher
from tests.unit.operator.model.replica import Replica
from tests.unit.operator.model.server import Object
from tests.unit.operator.model.simulation import Simulation
from tests.unit.operator.model.start_limits import StartLimits
from tests.unit.operator.model.time_limits import TimeLimits


class Judges:
    def __init__(self, world: Simulation, leader: Callable[[], Replica]) -> None:
        self._world = world
        self._leader = leader
        self._starts, self._times = StartLimits(world), TimeLimits(world)
        self._watcher = Watcher(world, self._times)
        self._failed_at = -math.inf
        self.is_late = False
        """What arrives now was sent by a leader that leads no more."""
        server = world.server
        server.admit_pod, server.refused, server.judge_delete = self._pod, self._starts.refused, self._deletion

    def look(self) -> None:
        """Judges all that has happened. Raises AssertionError."""
        leader = self._leader()
        queues = leader.queues()
        self._times.look(queues)
        self._starts.look(queues, leader.taken)
        self._watcher.look()

    def leader_rests(self) -> None:
        """It has seen all that there is, and has done all that it could."""
        self.look()
        since = self._world.clock.seconds() - self._failed_at
        self._world.server.violations += self._times.at_rest(after_a_fault=since)
        self._starts.at_rest(self._leader().queues())

    def fault(self) -> None:
        """A request of the operator has failed."""
        self._failed_at = self._world.clock.seconds()
        self._starts.fault()

    def another_leads(self) -> None:
        self._starts.another_leads(self._leader().queues())

    def _pod(self, body: Object) -> None:
        self._world.judge_new_pod(body, self._leader().seen_pods)
        self._catch_up()
        self._times.created(body)
        if self.is_late:
            self._starts.late(body)
        else:
            self._world.server.violations += self._starts.started(body)

    def _deletion(self, plural: str, body: Object) -> None:
        self._catch_up()
        self._world.server.violations += self._times.deleted(plural, body)

    def _catch_up(self) -> None:
        """The operator is in the middle of something, and hears of no problem of the test."""
        if not self._world.server.violations:
            try:
                self.look()
            except AssertionError as problem:
                self._world.server.violations.append(str(problem))
