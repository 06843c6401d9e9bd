"""What holds of time: no limit of it is shorter than it says, and none is passed over, whatever the clocks show.

Time is the API server's, and what really happened in the nodes. A limit may be longer by what nobody could know: from the
moment in which something happened to that in which the leader had learnt of it, and had nothing else to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from djangotasks_api.models import Attempt, DjangoTask, QueueSpec, TaskStatus
from djangotasks_api.names import HOLD_PLURAL, QUEUE_PLURAL, TASK_PLURAL
from djangotasks_api.phases import Reason
from djangotasks_operator.pods.diagnosis import WAITING
from djangotasks_operator.runtime.transport import REQUEST_TIMEOUT
from tests.unit.operator.model.server import Object
from tests.unit.operator.model.simulation import Process, Simulation
from tests.unit.operator.model.start_limits import TOLERANCE

DEFAULT_START_TIMEOUT, DEFAULT_TTL, HISTORY_MAX = 300, 86_400, 10_000
# The backoff of the operator's own requests ends by then.
AFTER_A_FAULT = 70.0
# What a start that takes too long is called, by what the kubelet or the scheduler said. One of them ends it at once.
START_REASONS = {*WAITING.values(), Reason.UNSCHEDULABLE, Reason.START_TIMEOUT} - {Reason.INVALID_IMAGE_NAME}


class TimeLimits:
    def __init__(self, world: Simulation) -> None:
        self._world = world
        # Every spec that a queue has had, and that of each queue as the leader knows it, or knew it last.
        self._specs: defaultdict[str, list[QueueSpec]] = defaultdict(list)
        self._current: dict[str, QueueSpec] = {}
        self._position = 0
        # When the leader knew that a container had started, by the Pod's uid; since when Pods are there; when tasks ended.
        self._learnt: dict[str, float] = {}
        self._created: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._heard: dict[str, float] = {}

    def look(self, queues: dict[str, QueueSpec]) -> None:
        self._current |= queues
        events = self._world.server.events
        for event in events[self._position :]:
            if event.plural == QUEUE_PLURAL:
                self._specs[event.body["metadata"]["name"]].append(QueueSpec.model_validate(event.body["spec"]))
        self._position = len(events)

    def created(self, body: Object) -> None:
        """A Pod."""
        self._created[body["metadata"]["uid"]] = self._now

    def written(self, task: DjangoTask, before: TaskStatus) -> Iterator[str]:
        """What is wrong with a status that was written just now."""
        status, uid, name = task.status, task.metadata.uid, task.metadata.name
        if status.progress != before.progress:
            self._heard[uid] = self._now
        if status.phase.is_terminal and not before.phase.is_terminal:
            self._ended[uid] = self._now
        expires_at = task.spec.expires_at
        if status.reason is Reason.EXPIRED and before.reason is not Reason.EXPIRED:
            assert expires_at is not None
            if self._world.clock.now < expires_at - timedelta(seconds=TOLERANCE):
                yield f"{name} is called expired at {self._world.clock.now}, before {expires_at}"
        known = before.attempts[-1].reason if len(before.attempts) == len(status.attempts) and before.attempts else None
        if not status.attempts or (last := status.attempts[-1]).reason == known:
            return
        process = self._process(uid, last.number)
        if last.reason == Reason.DEADLINE_EXCEEDED and process is not None:
            # That of a standby pod runs from the claim on, however late the task is delivered.
            started = min(process.started, self._created[process.pod.uid]) if process.pod.standby else process.started
            lasted, limit = self._now - started, min(self._timeouts(task), default=0)
            if lasted < limit - TOLERANCE:
                yield f"{name} has run for {lasted} s, and its timeout is {limit} s"
        elif last.reason == Reason.HEARTBEAT_TIMEOUT and process is not None:
            yield from self._was_silent(task, before, process)
        elif last.reason in START_REASONS and last.exit_code is None and last.finished_at is None:
            yield from self._was_late(task, last)

    def deleted(self, plural: str, body: Object) -> Iterator[str]:
        """What is wrong with the operator's deletion of an object."""
        if plural == HOLD_PLURAL:
            until = body["spec"].get("until")
            if until is None or self._world.clock.now < datetime.fromisoformat(until) - timedelta(seconds=TOLERANCE):
                yield f"the hold of {body['metadata']['name']} is deleted, and its time is not over: {until}"
        if plural != TASK_PLURAL:
            return
        task = DjangoTask.model_validate(body)
        if (ended := self._ended.get(task.metadata.uid)) is None:
            yield f"{task.metadata.name} is deleted, and has not ended"
        elif self._now - ended < min(self._ttls(task)) - TOLERANCE - REQUEST_TIMEOUT and not self._is_surplus(task):
            yield f"{task.metadata.name} is deleted {self._now - ended} s after its end, and its TTL is {self._ttls(task)}"

    def at_rest(self, *, after_a_fault: float) -> Iterator[str]:
        """What should have been done by now. `after_a_fault`: how many seconds ago a request of the operator failed."""
        if after_a_fault < AFTER_A_FAULT:
            self._learn()
            return
        for body in self._world.server.list("pods"):
            if "deletionTimestamp" not in body["metadata"]:
                yield from self._overdue_pod(body)
        for body in self._world.server.list(TASK_PLURAL):
            yield from self._overdue_task(DjangoTask.model_validate(body))
        self._learn()

    def _learn(self) -> None:
        for process in self._world.alive():
            self._learnt.setdefault(process.pod.uid, self._now)

    def _overdue_pod(self, body: Object) -> Iterator[str]:
        """It runs, or waits, for longer than it may."""
        name, uid = body["metadata"]["name"], body["metadata"]["uid"]
        process = self._world.processes.get(uid)
        owner = next((pod for pod in self._world.pods() if pod.uid == uid), None)
        stored = None if owner is None else self._world.server.objects.get((TASK_PLURAL, owner.task))
        if stored is None or owner is None or stored["metadata"]["uid"] != owner.task_uid or owner.ended:
            return
        task = DjangoTask.model_validate(stored)
        if process is None and owner.standby:
            # Its container runs, and asks for its task.
            return
        if process is None:
            waits, limit = self._now - self._created[uid], self._start_timeout(task)
            if waits > limit + TOLERANCE:
                yield f"{name} has waited for {waits} s, and its start timeout is {limit} s"
        elif process.outcome is None and (known := self._learnt.get(uid)) is not None:
            timeouts = self._timeouts(task, now=True)
            if timeouts and self._now - known > timeouts[0] + TOLERANCE:
                yield f"{name} was known to run {self._now - known} s ago, and its timeout is {timeouts[0]} s"

    def _overdue_task(self, task: DjangoTask) -> Iterator[str]:
        """It waits although it has expired, or is kept for longer than its TTL."""
        name, uid, tolerance = task.metadata.name, task.metadata.uid, timedelta(seconds=TOLERANCE)
        pods = [pod for pod in self._world.pods() if pod.task_uid == uid and not pod.all_ended]
        if pods:
            return
        if task.status.phase.is_terminal:
            ended, ttl = self._ended[uid], max(self._ttls(task, now=True))
            if self._now - ended > ttl + TOLERANCE:
                yield f"{name} ended {self._now - ended} s ago, and its TTL is {ttl} s"
            return
        expired = task.spec.expires_at is not None and self._world.clock.now > task.spec.expires_at + tolerance
        if expired and not self._world.has_run(task):
            yield f"{name} still waits, and has expired"

    def _was_silent(self, task: DjangoTask, before: TaskStatus, process: Process) -> Iterator[str]:
        own = before.progress is not None and before.progress.attempt == len(before.attempts)
        heard = self._heard[task.metadata.uid] if own else process.started
        limit = task.spec.policy.heartbeat_timeout_seconds if task.spec.policy else None
        if limit is None or self._now - heard < limit - TOLERANCE:
            yield f"{task.metadata.name} was silent for {self._now - heard} s only"

    def _was_late(self, task: DjangoTask, attempt: Attempt) -> Iterator[str]:
        """Its pod had all the time to start."""
        pod = next((p for p in self._world.pods() if p.name == attempt.pod and p.task_uid == task.metadata.uid), None)
        if pod is None:
            return
        waited, limit = self._now - self._created[pod.uid], self._start_timeout(task)
        if waited < limit - TOLERANCE:
            yield f"{pod.name} has waited for {waited} s, and its start timeout is {limit} s: {attempt.message}"

    @property
    def _now(self) -> float:
        return self._world.clock.seconds()

    def _process(self, uid: str, number: int) -> Process | None:
        return next((p for p in self._world.processes.values() if p.attempt == (uid, number)), None)

    def _timeouts(self, task: DjangoTask, *, now: bool = False) -> list[int]:
        """The task's own, its queue's, or the ceiling. `now`: as the queue is, and not as it has been."""
        found: list[int] = []
        for spec in self._specs_of(task, now):
            own = [policy.timeout_seconds for policy in (task.spec.policy, spec.policy) if policy is not None]
            ceiling = [spec.ceilings.timeout_seconds] if spec.ceilings is not None else []
            found += [seconds for seconds in (*own, *ceiling) if seconds is not None][:1]
        return found

    def _ttls(self, task: DjangoTask, *, now: bool = False) -> list[int]:
        policies = [spec.policy for spec in self._specs_of(task, now)]
        own = task.spec.policy.ttl_seconds_after_finished if task.spec.policy is not None else None
        theirs = [p.ttl_seconds_after_finished for p in policies if p and p.ttl_seconds_after_finished is not None]
        return [own] if own is not None else [*theirs, DEFAULT_TTL]

    def _specs_of(self, task: DjangoTask, now: bool) -> list[QueueSpec]:
        name = task.spec.queue
        return [self._current[name]] if now and name in self._current else self._specs[name]

    def _start_timeout(self, task: DjangoTask) -> int:
        own = task.spec.policy.start_timeout_seconds if task.spec.policy is not None else None
        return DEFAULT_START_TIMEOUT if own is None else own

    def _is_surplus(self, task: DjangoTask) -> bool:
        """Its queue keeps fewer finished tasks, or has once."""
        limits = [spec.successful_tasks_history_limit for spec in self._specs[task.spec.queue]]
        bodies = [DjangoTask.model_validate(body) for body in self._world.server.list(TASK_PLURAL)]
        same = [b for b in bodies if b.spec.queue == task.spec.queue and b.status.phase is task.status.phase]
        return len(same) > min(limits, default=HISTORY_MAX)
