"""What may happen to pods and to the processes in them, and what their nodes do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djangotasks_operator.pods.diagnosis import DISRUPTIONS
from djangotasks_operator.pods.views import Pod
from tests.unit.operator.model.choices import ENDS, FAR, INTERRUPTIONS, NODE_SKEWS, WORDS, Choose
from tests.unit.operator.model.outcomes import OUTCOMES, make_outcome

if TYPE_CHECKING:
    from tests.unit.operator.model.scenario import Scenario


class PodWays:
    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._world = scenario.world

    def pod_is_waiting(self, choose: Choose) -> None:
        pod = choose(*self._world.waiting())
        match choose("start", "start", "start", "wait", "wait for ever", *INTERRUPTIONS):
            case "start":
                self._world.start(pod, choose(*NODE_SKEWS))
            case "wait":
                self._world.hold_up(pod, choose(*WORDS), for_ever=False)
            case "wait for ever":
                self._world.hold_up(pod, choose(*WORDS), for_ever=True)
            case how:
                self._interrupt(pod, how, choose)

    def pod_runs(self, choose: Choose) -> None:
        process = choose(*self._world.alive())
        ways = ("finish", "finish", "finish and tell", "finish and tell", "end", "end", "say", "say", "hang")
        match choose(*ways, *INTERRUPTIONS):
            case "finish" | "finish and tell" as how:
                # A task may lie about the time, or have a clock of its own.
                finished_at = choose(process.clock.now, process.clock.now, FAR)
                self._world.finish(process, make_outcome(choose(*OUTCOMES), process, finished_at.isoformat()))
                if how == "finish and tell":
                    self._scenario.deliver(self._world.reports[-1], choose(*self._scenario.replicas))
            case "say":
                self._world.say(process)
            case "hang":
                # Only a heartbeat timeout can tell, and ends it.
                process.hangs = process.pod.heartbeat_timeout is not None
            case "end":
                self._world.end(process.pod, *choose(*ENDS), sidecar=choose(False, True))
            case how:
                self._interrupt(process.pod, how, choose)

    def _interrupt(self, pod: Pod, how: str, choose: Choose) -> None:
        match how:
            case "delete":
                self._world.server.delete("pods", pod.name)
            case "evict":
                self._world.evict(pod)
            case _:
                self._world.disrupt(pod, choose(*DISRUPTIONS))

    def pod_is_deleted(self, choose: Choose) -> None:
        self._world.confirm_deletion(choose(*self._world.deleting()), shown=choose(False, True))
