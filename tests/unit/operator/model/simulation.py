"""All that happens around the operator: nodes, the processes in the pods, people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from djangotasks_api.assignment import TOKEN_VARIABLE
from djangotasks_api.models import DjangoTask
from djangotasks_api.names import API_VERSION, HOLD_PLURAL, QUEUE_PLURAL, TASK_PLURAL
from djangotasks_api.outcome import Outcome
from djangotasks_api.reports import ProgressReport
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.parsing import parse_pod
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.reports.recorder import START_REPORT_MAX_AGE
from djangotasks_operator.status.attempts import current_number
from tests.support.builders import NAMESPACE
from tests.unit.operator.model.server import ApiServer, Clock, Object, merged
from tests.unit.operator.model.standbys import Standby, Standbys


def template(image: str = "shop:1") -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "task", "image": image}]}}


# The fields of a queue that a scenario sets.
QUEUE_LIMITS = ("rateLimit", "suspended", "ceilings", "policy", "successfulTasksHistoryLimit", "standby")
Attempt = tuple[str, int]  # the task's uid, the attempt's number


@dataclass
class Process:
    """A task's container, as it really is. `clock`: its node's. `outcome`: its function has returned or raised.
    `hangs`: it never will. `said`: how often it reported its progress."""

    pod: Pod
    clock: Clock
    started_at: str
    started: float
    """In seconds since the beginning."""
    alive: bool = True
    outcome: Outcome | None = None
    hangs: bool = False
    said: int = 0

    @property
    def attempt(self) -> Attempt:
        return self.pod.task_uid, self.pod.attempt


@dataclass(frozen=True)
class Report:
    """On its way through the network, for as long as it likes, and perhaps twice."""

    key: Key
    uid: str
    attempt: int
    outcome: Outcome | None
    started_at: str
    progress: ProgressReport | None = None


@dataclass
class Simulation:
    clock: Clock = field(default_factory=Clock)
    server: ApiServer = field(init=False)
    standbys: Standbys = field(init=False)
    processes: dict[str, Process] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    # Pods that will never start: their image does not exist.
    permanent: set[str] = field(default_factory=set)
    # The attempts whose container has run, and the outcomes that were answered with 200.
    ran: set[Attempt] = field(default_factory=set)
    # Attempts with more than one Pod all the same: what the first one reports late is taken for the second one's.
    ambiguous_attempts: set[Attempt] = field(default_factory=set)
    taken: defaultdict[Attempt, list[Outcome]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.server = ApiServer(self.clock)
        self.standbys = Standbys(self.server)

    # People

    def enqueue(self, name: str, spec: dict[str, Any]) -> None:
        if (TASK_PLURAL, name) not in self.server.objects:
            spec = {"task": "shop.tasks.send", "queue": "default", "cancel": False, "priority": 0} | spec
            spec |= {"payload": '{"args":[],"kwargs":{}}', "backend": "default"}
            status = {"phase": "Queued", "interruptions": 0}
            self.server.create(TASK_PLURAL, {"metadata": {"name": name}, "spec": spec, "status": status})

    def put_queue(self, name: str, concurrency: int | None, **spec: Any) -> None:
        """Create the queue, or change it: it has no limits but those given."""
        spec = dict.fromkeys(QUEUE_LIMITS) | {"template": template(), "concurrency": concurrency} | spec
        if (QUEUE_PLURAL, name) in self.server.objects:
            self.server.update(QUEUE_PLURAL, name, {"spec": spec})
        else:
            body = {"apiVersion": API_VERSION, "metadata": {"name": name}, "spec": merged({}, spec)}
            self.server.create(QUEUE_PLURAL, body)

    def hold(self, name: str, concurrency: int, seconds: float | None) -> None:
        """Hold the queue, or change its hold. `seconds`: for how long; None for ever."""
        until = None if seconds is None else (self.clock.now + timedelta(seconds=seconds)).isoformat()
        spec = {"concurrency": concurrency, "by": "jane", "until": until}
        if (HOLD_PLURAL, name) in self.server.objects:
            self.server.update(HOLD_PLURAL, name, {"spec": spec})
        else:
            self.server.create(HOLD_PLURAL, {"metadata": {"name": name}, "spec": merged({}, spec)})

    # Nodes

    def pods(self) -> list[Pod]:
        return [pod for body in self.server.list("pods") if (pod := parse_pod(body)) is not None]

    def waiting(self) -> list[Pod]:
        """Whose container has not started."""
        return [pod for pod in self.pods() if pod.running_since is None and not pod.ended and not pod.deleting]

    def deleting(self) -> list[Pod]:
        return [pod for pod in self.pods() if pod.deleting]

    def start(self, pod: Pod, skew: float = 0) -> Process | None:
        """The scheduler finds a node, whose clock is wrong by `skew`, and the task's container starts."""
        if pod.uid in self.permanent:
            return None
        clock = self.clock.beside(skew)
        process = self.processes[pod.uid] = Process(pod, clock, clock.now.isoformat(), self.clock.seconds())
        self._began(process)
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": self.clock.stamp()}
        state = {"name": "task", "state": {"running": {"startedAt": clock.stamp()}}}
        status = {"phase": "Running", "startTime": clock.stamp(), "conditions": [scheduled]}
        self._status(pod, {**status, "containerStatuses": [state]})
        return process

    def begin(self, standby: Standby) -> None:
        """The task of a standby pod begins."""
        for pod in self.standbys.begin(standby):
            now = self.clock.now.isoformat()
            process = self.processes[pod.uid] = Process(pod, self.clock, now, self.clock.seconds())
            self._began(process)

    def _began(self, process: Process) -> None:
        self.report(process)
        self.ran.add(process.attempt)

    def hold_up(self, pod: Pod, word: str, *, for_ever: bool) -> None:
        """It does not start, in the kubelet's or the scheduler's words."""
        if for_ever:
            self.permanent.add(pod.uid)
        if word == "Unschedulable":
            condition = {"type": "PodScheduled", "status": "False", "reason": word, "message": "0/1 nodes"}
            self._status(pod, {"phase": "Pending", "conditions": [condition]})
        else:
            self._container(pod, {"waiting": {"reason": word, "message": "no"}}, phase="Pending")

    def end(self, pod: Pod, code: int, reason: str = "Error", message: str = "", *, sidecar: bool = False) -> None:
        """The task's container ends, whatever it did. `sidecar`: another one goes on."""
        process = self.processes.get(pod.uid)
        if process is None or not process.alive:
            return
        process.alive = False
        if process.outcome is not None:
            message = process.outcome.to_termination_message(token_of(self.server.get("pods", pod.name)))
        phase = "Running" if sidecar else "Failed" if code else "Succeeded"
        state = {"exitCode": code, "reason": reason, "message": message, "finishedAt": process.clock.stamp()}
        self._container(pod, {"terminated": state}, phase=phase)

    def end_sidecar(self, pod: Pod) -> None:
        if pod.terminated is not None and not pod.all_ended:
            self._status(pod, {"phase": "Failed" if pod.terminated.exit_code else "Succeeded"})

    def evict(self, pod: Pod) -> None:
        """By the kubelet: the pod ends, and stays."""
        if pod.ended:
            return
        if (process := self.processes.get(pod.uid)) is not None:
            process.alive = False
        self._status(
            pod, {"phase": "Failed", "reason": "Evicted", "message": "low on memory", "containerStatuses": None}
        )

    def disrupt(self, pod: Pod, reason: str) -> None:
        """By the eviction API, the scheduler or a node's taint: it is deleted, and says why."""
        if not pod.ended:
            known = self.server.get("pods", pod.name).get("status", {}).get("conditions") or ()
            disruption = {"type": "DisruptionTarget", "status": "True", "reason": reason}
            self._status(pod, {"conditions": [*known, disruption]})
            self.server.delete("pods", pod.name, pod.uid)

    def confirm_deletion(self, pod: Pod, *, shown: bool) -> None:
        """A deleted pod has ended, and goes. `shown`: its end is to be seen before."""
        if shown:
            self.end(pod, 143)
        elif (process := self.processes.get(pod.uid)) is not None:
            process.alive = False
        self.standbys.dies(pod.uid)
        self.server.remove("pods", pod.name)

    # The process in the pod

    def working(self) -> list[Process]:
        """Whose task's function runs, and will end."""
        return [process for process in self.alive() if process.outcome is None and not process.hangs]

    def finish(self, process: Process, outcome: Outcome) -> None:
        """The task's function returns or raises; its report is on its way, perhaps once more."""
        if process.outcome is None:
            process.outcome = outcome
        self.report(process)

    def say(self, process: Process) -> None:
        """It reports its progress."""
        process.said += 1
        pod, started_at = process.pod, process.started_at
        progress = ProgressReport(started_at=started_at, done=process.said)
        self.reports.append(Report(Key(NAMESPACE, pod.task), pod.task_uid, pod.attempt, None, started_at, progress))

    def report(self, process: Process) -> None:
        """Send the start or the outcome."""
        pod = process.pod
        key = Key(NAMESPACE, pod.task)
        self.reports.append(Report(key, pod.task_uid, pod.attempt, process.outcome, process.started_at))

    def alive(self) -> list[Process]:
        return [process for process in self.processes.values() if process.alive]

    def has_run(self, task: DjangoTask) -> bool:
        """As far as the operator can know: the container of a standby pod runs before it has its task."""
        recorded = any(attempt.started_at for attempt in task.status.attempts)
        return recorded or any(uid == task.metadata.uid for uid, _ in self.ran)

    def is_too_late(self, report: Report) -> bool:
        """The runner tries to report a start for a moment only."""
        attempt = report.uid, report.attempt
        began = next((process.started for process in self.processes.values() if process.attempt == attempt), 0.0)
        return self.clock.seconds() - began > START_REPORT_MAX_AGE.total_seconds()

    def is_current(self, name: str, uid: str, attempt: int) -> bool:
        """As the API server has it: this is the attempt that runs."""
        body = self.server.objects.get((TASK_PLURAL, name))
        if body is None or body["metadata"]["uid"] != uid:
            return False
        status = DjangoTask.model_validate(body).status
        return not status.phase.is_terminal and current_number(status) == attempt

    def judge_new_pod(self, body: Object, known: Container[Attempt]) -> None:
        """No attempt runs twice, as far as anybody can know: in `known` are the attempts of which the leader has seen
        a Pod. A leader that has just begun cannot tell a Job whose Pod is still to be made from one whose Pod ran
        and is gone, unless the status has the attempt."""
        if (pod := parse_pod(body)) is None:
            return
        self.server.violations += self.standbys.judge(body)
        attempt = pod.task_uid, pod.attempt
        task = self.server.objects.get((TASK_PLURAL, pod.task), {"metadata": {"uid": ""}})
        written = task["metadata"]["uid"] == pod.task_uid and any(
            attempt["number"] == pod.attempt for attempt in task["status"].get("attempts", ())
        )
        if attempt in self.ran:
            self.ambiguous_attempts.add(attempt)
            if written or attempt in known:
                self.server.violations.append(f"attempt {pod.attempt} of {pod.task} is to run again")

    def _container(self, pod: Pod, state: Object, *, phase: str) -> None:
        self._status(pod, {"phase": phase, "containerStatuses": [{"name": "task", "state": state}]})

    def _status(self, pod: Pod, status: Object) -> None:
        if ("pods", pod.name) in self.server.objects:
            self.server.update("pods", pod.name, {"status": status})


def token_of(body: Object) -> str:
    """What the container was given to sign with."""
    variables = {variable["name"]: variable.get("value", "") for variable in body["spec"]["containers"][0]["env"]}
    token: str = variables[TOKEN_VARIABLE]
    return token
