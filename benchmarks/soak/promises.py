"""What must have become of each task, whatever went wrong beside it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from benchmarks.fates import Fate
from djangotasks_api.bounds import INTERRUPTIONS_MAX
from djangotasks_api.names import job_name
from djangotasks_api.phases import INTERRUPTIONS, Phase, Reason

MAX_ATTEMPTS = 2
TERMINAL = frozenset(phase.value for phase in Phase if phase.is_terminal)
Object = Mapping[str, Any]


class Ask(StrEnum):
    """What somebody does to the task while it is on its way."""

    NOTHING = "nothing"
    CANCEL = "cancel"
    DELETE = "delete"


@dataclass(frozen=True)
class Promise:
    """A task that was enqueued: what its pods do, and what else is asked of it."""

    name: str
    fate: Fate
    ask: Ask = Ask.NOTHING

    def kept(self, life: Life) -> bool:
        """Nothing more is to come of it."""
        return life.gone or life.phase in TERMINAL


@dataclass
class Life:
    """What was seen of one task. `moved`: a terminal phase that changed. `pods`: the uids of the Pods of each name."""

    status: Object = field(default_factory=dict)
    gone: bool = False
    moved: list[str] = field(default_factory=list)
    pods: dict[str, set[str]] = field(default_factory=dict)

    @property
    def phase(self) -> str:
        phase: str = self.status.get("phase", Phase.QUEUED)
        return phase

    def see(self, status: Object) -> None:
        if self.phase in TERMINAL and status.get("phase") != self.phase:
            self.moved.append(f"{self.phase} → {status.get('phase')}")
        self.status = status


# What a fate's pods come to, and how many of their attempts fail at most.
ENDS = {
    Fate.SUCCEED: (Phase.SUCCEEDED, "", 0),
    Fate.FLAKY: (Phase.SUCCEEDED, "", 1),
    Fate.FAIL: (Phase.FAILED, "TaskError", MAX_ATTEMPTS),
    Fate.OOM: (Phase.FAILED, "OOMKilled", MAX_ATTEMPTS),
    Fate.NEVER: (Phase.CANCELLED, "CancelRequested", 0),
}


def problems(promise: Promise, life: Life) -> list[str]:
    """How the promise was broken: empty where it was kept."""
    found = [f"a terminal phase moved: {move}" for move in life.moved]
    found += [f"the pod {name} was made {len(uids)} times" for name, uids in life.pods.items() if len(uids) > 1]
    if promise.ask is Ask.DELETE:
        return found if life.gone else [*found, "was deleted, and is still there"]
    return found + _status_problems(promise, life.status)


def _status_problems(promise: Promise, status: Object) -> list[str]:
    phase, reason, failures = ENDS[promise.fate]
    attempts: list[Any] = status.get("attempts", [])
    interrupted = [attempt for attempt in attempts if attempt.get("reason") in INTERRUPTIONS]
    failed = [a for a in attempts if a.get("reason") is not None and a not in interrupted]
    if len(interrupted) > INTERRUPTIONS_MAX:
        # A pod that never ends is deleted again and again in a long soak.
        phase, reason = Phase.FAILED, Reason.TOO_MANY_INTERRUPTIONS
    cancelled = status.get("phase") == Phase.CANCELLED
    checks = {
        f"phase {status.get('phase')}, not {phase.value}": status.get("phase") == phase
        or (cancelled and promise.ask is Ask.CANCEL),
        f"reason {status.get('reason')}, not {reason}": cancelled or status.get("reason", "") == reason,
        f"{len(failed)} attempts failed: {[_ending(attempt) for attempt in failed]}": cancelled
        or len(failed) <= failures,
        f"{len(attempts)} attempts are not in order": [a["job"] for a in attempts]
        == [job_name(promise.name, number) for number in range(1, len(attempts) + 1)],
        f"{len(interrupted)} interruptions, and {status.get('interruptions')} counted": len(interrupted)
        == status.get("interruptions", 0),
        "an attempt has no end": all(attempt.get("finishedAt") for attempt in attempts),
        "no result": phase is not Phase.SUCCEEDED or cancelled or status.get("result") == "3",
    }
    return [problem for problem, holds in checks.items() if not holds]


def _ending(attempt: Object) -> str:
    return f"{attempt['job']}: {attempt['reason']} {attempt.get('message', '')}"[:500]


def orphans(jobs: Collection[str], pods: Mapping[str, str], tasks: Collection[str]) -> list[str]:
    """Jobs and Pods of no task. `jobs`: their names. `pods`: the task of each, by its name."""
    kinds = (("Job", {name: name.rpartition("-")[0] for name in jobs}), ("Pod", pods))
    return [f"{kind} {name}" for kind, found in kinds for name, task in found.items() if task not in tasks]
