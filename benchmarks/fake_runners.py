"""The runners of pods on fake nodes, whose containers run nothing: this process asks and reports in their place.

    python -m benchmarks.fake_runners KUBECONFIG NAMESPACE

A standby pod's holds its request at the leader until it has a task. Each reports its task's start and outcome, by the
runner's own functions, as soon as it has it; what then ends the pod is KWOK. Each line on stdin is answered by the counts so far.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.child import READY
from benchmarks.crowd import Ends
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.runner import standby
from django_tasks_kubernetes.runner.report import Reporter
from djangotasks_api.assignment import TOKEN_VARIABLE, Assignment
from djangotasks_api.outcome import Outcome
from djangotasks_api.standby import STANDBY_VARIABLE, StandbyAccess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.crowd import Object


@dataclass(slots=True)
class Counts:
    """`handed`: standby pods that were given a task. `begun`: pods that had one. `reported`: outcomes that the operator
    took: it had not found them in the pod, which had ended before."""

    handed: int = 0
    begun: int = 0
    reported: int = 0


class Runners:
    def __init__(self) -> None:
        self.counts = Counts()
        self._lock = threading.Lock()

    def see(self, pod: Object) -> str | None:
        """For `crowd.Ends`, which says so once of each: a pod that runs has a runner."""
        if pod.get("status", {}).get("phase") != "Running":
            return None
        threading.Thread(target=self.run, args=(environ_of(pod),), daemon=True).start()
        return "Succeeded"

    def run(self, environ: Mapping[str, str]) -> None:
        is_standby = STANDBY_VARIABLE in environ
        assignment = assignment_of(environ)
        if assignment is None:
            return
        self._count(handed=int(is_standby), begun=1)
        now = to_wire(datetime.now(UTC))
        reporter = Reporter(assignment)
        reporter.started(now)
        taken = reporter.outcome(Outcome(started_at=now, finished_at=to_wire(datetime.now(UTC)), result="3"), kept=True)
        self._count(reported=int(taken))

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + number)


def environ_of(pod: Object) -> dict[str, str]:
    (container,) = pod["spec"]["containers"]
    return {one["name"]: one.get("value", "") for one in container["env"]}


def assignment_of(environ: Mapping[str, str]) -> Assignment | None:
    """The pod's task. Of a standby pod, once it has one: None where it gets none."""
    if STANDBY_VARIABLE not in environ:
        return Assignment.from_environ(environ)
    return standby.ask(StandbyAccess.from_json(environ[STANDBY_VARIABLE]), environ[TOKEN_VARIABLE])


def main(kubeconfig: Path, namespace: str) -> None:
    runners = Runners()
    sys.stdin.readline()
    with Ends(kubeconfig, f"/api/v1/namespaces/{namespace}/pods?fieldSelector=status.phase=Running", runners.see):
        print(READY, flush=True)
        for _ in sys.stdin:
            print(json.dumps(asdict(runners.counts)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
