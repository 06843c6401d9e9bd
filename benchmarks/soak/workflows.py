"""The workflows of a soak, and what must have become of each, whatever went wrong beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from benchmarks import crowd
from benchmarks.fates import Fate
from benchmarks.soak.promises import MAX_ATTEMPTS, TERMINAL, Life
from benchmarks.workflows import flows
from djangotasks_api.names import step_task_name
from djangotasks_api.phases import Reason

WIDTH = 4
POLICY = {"maxAttempts": MAX_ATTEMPTS, "backoff": {"initialSeconds": 1, "factor": 1, "maxSeconds": 1}}
Steps = Mapping[str, str]


class Kind(StrEnum):
    """`GOOD`: a map, a lane behind it, and a step that takes all. `BROKEN`: a step fails, with a handler and a clean-up.
    `STOPPED`: a step that never ends, and somebody cancels it."""

    GOOD = "good"
    BROKEN = "broken"
    STOPPED = "stopped"


# The phase of the workflow in the end, and that of each step.
ENDS: Mapping[Kind, tuple[str, Steps]] = {
    Kind.GOOD: ("Succeeded", {"map": "Succeeded", "lane": "Succeeded", "all": "Succeeded"}),
    Kind.BROKEN: ("Failed", {"bad": "Failed", "next": "Skipped", "alert": "Succeeded", "clean": "Succeeded"}),
    Kind.STOPPED: ("Cancelled", {"endless": "Cancelled", "next": "Cancelled", "clean": "Succeeded"}),
}
MAPS = {"map", "lane"}
NEVER_BEGUN = {"next"}
# Has no task where the workflow is cancelled before the operator, which may be away, has created it.
CANCELLED_EARLY = {"endless"}


@dataclass(frozen=True)
class FlowPromise:
    """A workflow that was created."""

    name: str
    kind: Kind

    def kept(self, life: Life) -> bool:
        """Nothing more is to come of it."""
        return life.gone or life.phase in TERMINAL

    def tasks(self) -> set[str]:
        """The names of all that it creates, or may create."""
        return self._names(NEVER_BEGUN)

    def certain_tasks(self) -> set[str]:
        return self._names(NEVER_BEGUN | CANCELLED_EARLY)

    def _names(self, without: set[str]) -> set[str]:
        return {
            step_task_name(self.name, step, index)
            for step in ENDS[self.kind][1].keys() - without
            for index in (range(WIDTH) if step in MAPS else (None,))
        }


def manifest(kind: Kind, ttl: int) -> crowd.Object:
    """Has a new name. The queues are named by their fates."""
    return flows.wide(WIDTH, *_steps(kind), policy={"ttlSecondsAfterFinished": ttl})


def _steps(kind: Kind) -> list[crowd.Object]:
    def step(name: str, fate: Fate, **fields: Any) -> crowd.Object:
        return flows.step(name, fate.value, policy=POLICY, **fields)

    match kind:
        case Kind.GOOD:
            return [
                step("map", Fate.SUCCEED, map={"list": "items"}),
                step("lane", Fate.FLAKY, map={"each": "map"}),
                step("all", Fate.SUCCEED, inputs=[{"into": "/args/0", "step": "lane"}]),
            ]
        case Kind.BROKEN:
            return [
                step("bad", Fate.FAIL),
                step("next", Fate.SUCCEED, after=["bad"]),
                step("alert", Fate.SUCCEED, after=["next"], runs="OnFailure"),
                step("clean", Fate.SUCCEED, after=["next"], runs="Always"),
            ]
        case Kind.STOPPED:
            return [
                step("endless", Fate.NEVER),
                step("next", Fate.SUCCEED, after=["endless"]),
                step("clean", Fate.SUCCEED, after=["next"], runs="Always"),
            ]


def problems(promise: FlowPromise, life: Life, tasks: Mapping[str, Life]) -> list[str]:
    """How the promise was broken: empty where it was kept. `tasks`: all that were seen, by their names."""
    phase, steps = ENDS[promise.kind]
    seen = {name: task for name, task in tasks.items() if name.startswith(f"{promise.name}-")}
    found = [f"a terminal phase moved: {move}" for move in life.moved]
    if any(task.status.get("reason") == Reason.TOO_MANY_INTERRUPTIONS for task in seen.values()):
        # In a long soak a pod may be deleted again and again. Then the step has failed, as it should.
        return found
    status = life.status
    phases = {name: step["phase"] for name, step in status.get("steps", {}).items()}
    ranges = {name: step.get("completedIndexes") for name, step in status.get("steps", {}).items() if name in MAPS}
    checks = {
        f"phase {status.get('phase')}, not {phase}": status.get("phase") == phase,
        f"steps {phases}, not {dict(steps)}": phases == steps,
        f"indexes {ranges}": all(text == f"0-{WIDTH - 1}" for text in ranges.values()),
        f"tasks {sorted(seen)}, not {sorted(promise.tasks())}": promise.certain_tasks()
        <= seen.keys()
        <= promise.tasks(),
        f"{status.get('active')} are active": not status.get("active"),
    }
    return found + [problem for problem, holds in checks.items() if not holds]
