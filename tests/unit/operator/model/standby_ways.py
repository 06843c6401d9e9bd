"""What may happen to standby pods: how they wait, and how they are lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from djangotasks_operator.pods.diagnosis import DISRUPTIONS

if TYPE_CHECKING:
    from tests.unit.operator.model.choices import Choose
    from tests.unit.operator.model.scenario import Scenario

BUDGET = 6
LOSSES = ("delete", "evict", "disrupt", "crash", "node is gone")


class StandbyWays:
    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._standbys = scenario.world.standbys
        self._server = scenario.server
        self._lost, self._cuts = 0, 0

    def possible(self) -> list[tuple[int, Callable[[Choose], None], object]]:
        held = self._scenario.leader.held.asking
        return [
            (3, self.standbys_go_on, self.can_go_on()),
            (2, self.standby_asks, self._standbys.silent()),
            (2, self.standby_has_its_answer, self._standbys.answers()),
            (1, self.standby_asks_again, held),
            (1, self.answer_to_standby_is_lost, self._standbys.answers()),
            (1, self.standby_is_lost, self._names() and self._lost < BUDGET),
            (4, self.start_is_interrupted, held and self._scenario.leader.tasks.delay() == 0 and self._cuts < BUDGET),
        ]

    def can_go_on(self) -> bool:
        there = self._standbys
        return any((there.deleting(), there.over(), there.not_started(), there.silent(), there.answers()))

    def standbys_go_on(self, choose: Choose) -> None:
        """All of them, where nothing goes wrong."""
        self.go_on()

    def go_on(self) -> None:
        for body in self._standbys.deleting():
            self._remove(body["metadata"]["name"])
        for standby in self._standbys.over():
            self._standbys.crash(standby, 0)
        for body in self._standbys.not_started():
            self._standbys.start(body)
        for standby in self._standbys.silent():
            self._scenario.leader.take_request(standby)
        for standby in self._standbys.answers():
            self._scenario.world.begin(standby)

    def standby_asks(self, choose: Choose) -> None:
        """The leader, or another one, which says who leads."""
        choose(*self._scenario.replicas).take_request(choose(*self._standbys.silent()))

    def standby_asks_again(self, choose: Choose) -> None:
        """Its request was held for as long as one may be."""
        held = self._scenario.leader.held
        held.recheck(choose(*held.asking))

    def standby_has_its_answer(self, choose: Choose) -> None:
        self._scenario.world.begin(choose(*self._standbys.answers()))

    def answer_to_standby_is_lost(self, choose: Choose) -> None:
        standby = choose(*self._standbys.answers())
        standby.answer, standby.asks = None, False

    def standby_is_lost(self, choose: Choose) -> None:
        self._lost += 1
        name, how = choose(*self._names()), choose(*LOSSES)
        uid = self._server.get("pods", name)["metadata"]["uid"]
        process = next((standby for standby in self._standbys.alive() if standby.uid == uid), None)
        match how:
            case "delete":
                self._server.delete("pods", name)
            case "disrupt":
                disruption = {"type": "DisruptionTarget", "status": "True", "reason": choose(*DISRUPTIONS)}
                self._server.update("pods", name, {"status": {"conditions": [disruption]}})
                self._server.delete("pods", name)
            case "evict":
                status = {"phase": "Failed", "reason": "Evicted", "message": "low on memory", "containerStatuses": None}
                self._server.update("pods", name, {"status": status})
                self._standbys.dies(uid)
            case "crash" if process is not None:
                self._standbys.crash(process, choose(1, 0, 137))
            case _:
                self._remove(name)

    def start_is_interrupted(self, choose: Choose) -> None:
        """Between two steps of a claim: read the task, create the Job, patch the Pod, each before the server has the
        request, and after."""
        self._cuts += 1
        leader = self._scenario.leader
        while not leader.running and leader.tasks.delay() == 0:
            leader.begin_work()
        for _ in range(choose(1, 2, 3, 4, 5)):
            if leader.running:
                leader.step(0)
        if self._names() and choose(True, False):
            self.standby_is_lost(choose)
        if choose(True, True, False):
            self._scenario.process_is_gone(choose)

    def _remove(self, name: str) -> None:
        self._standbys.dies(self._server.get("pods", name)["metadata"]["uid"])
        self._server.remove("pods", name)

    def _names(self) -> list[str]:
        """Those whose task has not begun, whether an attempt has them or not."""
        names = [body["metadata"]["name"] for body in self._standbys.bodies()]
        return names + [s.key.name for s in self._standbys.alive() if s.key.name not in names]
