"""What holds whenever an attempt is started: the limits of its queue and of its task, and the order.

The queue counts as the leader knew it at any moment since it last rested: what was decided before a change may still be
on its way. Time is the API server's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from djangotasks_api.models import DjangoTask, QueueSpec
from djangotasks_api.names import ATTEMPT_LABEL, QUEUE_LABEL, TASK_LABEL, TASK_PLURAL, TASK_UID_LABEL, job_name
from djangotasks_operator.status.attempts import current_number, open_attempt
from tests.unit.operator.model.server import Object
from tests.unit.operator.model.simulation import Simulation

# Between the operator's idea of the API server's time and that: what it leaves alone, and whole seconds.
TOLERANCE = 4.0


@dataclass(frozen=True)
class Start:
    """An attempt that was started: decided on not before `earliest`, and its Pod created at `at`."""

    uid: str
    number: int
    earliest: float
    at: float


class Turns:
    """Of a queue's tasks that were refused, and whose turn it is."""

    def __init__(self) -> None:
        self._lately: list[str] = []
        self._odd: set[str] = set()

    def refuse(self, name: str) -> None:
        self._lately.append(name)
        self._odd.discard(name)

    def start(self, name: str) -> None:
        if len(alone := set(self._lately)) == 1:
            self._odd |= alone
        self._odd.discard(name)
        self._lately.clear()

    def last(self, name: str) -> str | None:
        """Which task was refused last, if this one was as well: it is the turn of another then, unless that one had
        it. None where this one has not been refused since another one started."""
        return self._lately[-1] if name in self._lately else None

    def is_odd(self, name: str) -> bool:
        """It was the only one that was refused between two that started."""
        return name in self._odd


class StartLimits:
    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._rested_at = 0.0
        self._known: defaultdict[str, list[QueueSpec | None]] = defaultdict(lambda: [None])
        self._starts: defaultdict[str, list[Start]] = defaultdict(list)
        # What each queue's rate was when its starts began to be counted.
        self._rates: dict[str, Any] = {}
        self._waiting: dict[str, DjangoTask] = {}
        self._tried: set[str] = set()
        # How many specs of its queue were known before that which a task's worker went by, at least.
        self._before: dict[str, int] = {}
        self._turns: defaultdict[str, Turns] = defaultdict(Turns)

    def at_rest(self, queues: dict[str, QueueSpec]) -> None:
        """The leader knows all that there is, and has nothing left to do now. `queues`: as it knows them."""
        self._rested_at = self._world.clock.seconds()
        self._known.clear()
        self._known |= {name: [spec] for name, spec in queues.items()}
        self._waiting = {task.metadata.name: task for task in self._tasks() if self._is_waiting(task)}
        self._tried.clear()
        self._before.clear()
        self._count_by_rate(queues)

    def look(self, queues: dict[str, QueueSpec], tried: set[str]) -> None:
        """Something has happened. `tried`: the tasks that a worker has taken."""
        for name in self._known.keys() | queues.keys():
            if self._known[name][-1] != queues.get(name):
                self._known[name].append(queues.get(name))
        self._tried |= tried
        for task in self._tasks() if tried else ():
            if task.metadata.name in tried:
                self._before[task.metadata.name] = len(self._known[task.spec.queue]) - 1
        tried.clear()
        self._count_by_rate(queues)

    def refused(self, body: Object) -> None:
        """The API server has refused this Job or Pod."""
        labels = body["metadata"]["labels"]
        if TASK_LABEL in labels:
            self._turns[labels[QUEUE_LABEL]].refuse(labels[TASK_LABEL])

    def fault(self) -> None:
        """A request has failed: which one of the operator's it was is not known here."""
        self._waiting.clear()

    def late(self, body: Object) -> None:
        """A leader that leads no more has started this attempt: it was decided on when it led."""
        labels = body["metadata"]["labels"]
        self._waiting.pop(labels[TASK_LABEL], None)

    def another_leads(self, queues: dict[str, QueueSpec]) -> None:
        """It knows of the starts before it by what is left of them."""
        self.at_rest(queues)
        self._waiting.clear()
        self._turns.clear()
        uids = {task.metadata.uid for task in self._tasks()}
        left = {(pod.task_uid, pod.attempt) for pod in self._world.pods() if pod.task_uid in uids}
        left |= {(task.metadata.uid, a.number) for task in self._tasks() for a in task.status.attempts}
        for starts in self._starts.values():
            starts[:] = [start for start in starts if (start.uid, start.number) in left]

    def started(self, body: Object) -> Iterator[str]:
        """What is wrong with this Pod, which is being created."""
        labels = body["metadata"]["labels"]
        name, queue = labels[TASK_LABEL], labels[QUEUE_LABEL]
        stored = self._world.server.objects.get((TASK_PLURAL, name))
        if stored is None or stored["metadata"]["uid"] != labels[TASK_UID_LABEL]:
            return
        task, now = DjangoTask.model_validate(stored), self._world.clock.now
        specs = [spec for spec in self._known[queue] if spec is not None]
        if not specs:
            yield f"{name} starts in {queue}, which does not exist"
            return
        if all(spec.suspended for spec in specs):
            yield f"{name} starts in {queue}, which is suspended"
        others = [other for other in self._in_progress(queue) if other != body["metadata"]["name"]]
        if all(spec.concurrency is not None and len(others) >= spec.concurrency for spec in specs):
            yield f"{name} starts in {queue} beside {others}, over its concurrency"
        fresh = [spec for spec in self._known[queue][self._before.get(name, 0) :] if spec is not None]
        if all(_image(body) != _image(spec.template) for spec in fresh):
            yield f"{name} starts in {queue} with the image {_image(body)}, which it has not"
        if all(_over(task, spec) for spec in specs):
            yield f"{name} starts in {queue}, over its ceilings"
        yield from self._judge_time(task, now)
        yield from self._judge_rate(task, specs)
        yield from self._judge_order(task, specs)
        self._waiting.pop(name, None)
        self._turns[queue].start(name)

    def _judge_time(self, task: DjangoTask, now: datetime) -> Iterator[str]:
        spec, status = task.spec, task.status
        tolerance = timedelta(seconds=TOLERANCE)
        rested_at = now - timedelta(seconds=self._world.clock.seconds() - self._rested_at)
        ran = self._world.has_run(task)
        if spec.expires_at is not None and not ran and rested_at >= spec.expires_at + tolerance:
            yield f"{task.metadata.name} starts, and has expired"
        times = [time for time in (spec.run_after, status.next_attempt_at) if time is not None]
        if times and max(times) > now + tolerance:
            yield f"{task.metadata.name} starts at {now}, before its time {max(times)}"

    def _judge_rate(self, task: DjangoTask, specs: list[QueueSpec]) -> Iterator[str]:
        """So many starts are too many where not even the earliest and the latest possible moments of them are a period
        apart."""
        queue = task.spec.queue
        starts = self._starts[queue]
        number = current_number(task.status)
        if any(spec.rate_limit != specs[0].rate_limit for spec in specs):
            # It may have been decided on under another rate, whose starts do not count.
            return
        starts.append(Start(task.metadata.uid, number, self._rested_at, self._world.clock.seconds()))
        for spec in specs:
            if (rate := spec.rate_limit) is None or len(starts) <= rate.starts:
                return
            last = starts[-rate.starts - 1 :]
            if last[-1].at - min(start.earliest for start in last) >= rate.period_seconds - TOLERANCE:
                return
        yield f"{task.metadata.name} starts in {queue}, over its rate: {starts[-3:]}"

    def _judge_order(self, task: DjangoTask, specs: list[QueueSpec]) -> Iterator[str]:
        """Nothing that has waited since the leader rested, and that no worker has taken, goes before it, unless it was
        refused just now, and it is the turn of another one."""
        for other in self._waiting.values():
            same_queue = other.spec.queue == task.spec.queue and other.metadata.uid != task.metadata.uid
            if not same_queue or other.metadata.name in self._tried or not self._still_waits(other):
                continue
            if not self._yields(other, specs) and all(
                _before(other, task, spec.ageing_seconds) and not _over(other, spec) for spec in specs
            ):
                yield f"{task.metadata.name} starts before {other.metadata.name}, which has a higher priority"

    def _yields(self, task: DjangoTask, specs: list[QueueSpec]) -> bool:
        """It was refused, and no task that is to wait for it has been tried since."""
        turns = self._turns[task.spec.queue]
        if (last := turns.last(task.metadata.name)) is None:
            return turns.is_odd(task.metadata.name)
        body = self._world.server.objects.get((TASK_PLURAL, last))
        return body is None or not all(
            _before(task, DjangoTask.model_validate(body), spec.ageing_seconds) for spec in specs
        )

    def _count_by_rate(self, queues: dict[str, QueueSpec]) -> None:
        """Starts count from when the queue has its rate."""
        for name in self._rates.keys() | queues.keys():
            rate = queues[name].rate_limit if name in queues else None
            if self._rates.get(name) != rate:
                self._rates[name] = rate
                self._starts[name].clear()

    def _tasks(self) -> list[DjangoTask]:
        return [DjangoTask.model_validate(body) for body in self._world.server.list(TASK_PLURAL)]

    def _still_waits(self, task: DjangoTask) -> bool:
        body = self._world.server.objects.get((TASK_PLURAL, task.metadata.name))
        if body is None or body["metadata"]["uid"] != task.metadata.uid:
            return False
        return self._is_waiting(DjangoTask.model_validate(body))

    def _is_waiting(self, task: DjangoTask) -> bool:
        """It may start now."""
        spec, status, now = task.spec, task.status, self._world.clock.now
        times = [time for time in (spec.run_after, status.next_attempt_at) if time is not None]
        name = job_name(task.metadata.name, current_number(status))
        attempt = task.metadata.uid, current_number(status)
        begun = open_attempt(status) is not None or ("pods", name) in self._world.server.objects
        begun = begun or any((pod.task_uid, pod.attempt) == attempt for pod in self._world.pods())
        job = self._world.server.objects.get(("jobs", name))
        taken = job is not None and (
            job["metadata"]["labels"][TASK_UID_LABEL] != task.metadata.uid
            or "deletionTimestamp" in job["metadata"]
            or "conditions" in job.get("status", {})
        )
        expired = spec.expires_at is not None and now >= spec.expires_at - timedelta(seconds=TOLERANCE)
        early = bool(times) and max(times) > now - timedelta(seconds=TOLERANCE)
        return not (status.phase.is_terminal or spec.cancel or begun or taken or expired or early)

    def _in_progress(self, queue: str) -> Iterator[str]:
        """The Pods of the queue whose attempt has not ended, be their task there or not."""
        for body in self._world.server.list("pods"):
            labels, status = body["metadata"].get("labels", {}), body.get("status", {})
            states = [container["state"] for container in status.get("containerStatuses") or ()]
            ended = status.get("phase") in ("Succeeded", "Failed") or any("terminated" in state for state in states)
            if TASK_LABEL not in labels or labels.get(QUEUE_LABEL) != queue or ended:
                continue
            task = self._world.server.objects.get((TASK_PLURAL, labels[TASK_LABEL]))
            if task is not None and task["metadata"]["uid"] == labels[TASK_UID_LABEL]:
                attempts = task["status"].get("attempts", ())
                if any(a["number"] == int(labels[ATTEMPT_LABEL]) and "finishedAt" in a for a in attempts):
                    continue
            yield body["metadata"]["name"]


def _before(one: DjangoTask, other: DjangoTask, ageing: float) -> bool:
    """`one` is to start first, and that is not a matter of seconds."""
    points = one.spec.priority - other.spec.priority
    since = [
        max(t for t in (task.metadata.creation_timestamp, task.spec.run_after) if t is not None)
        for task in (one, other)
    ]
    waited_less = (since[0] - since[1]).total_seconds()
    return points > 0 and (ageing == 0 or waited_less + TOLERANCE < points * ageing)


def _image(template: Object | None) -> Any:
    return None if template is None else template["spec"]["containers"][0]["image"]


def _over(task: DjangoTask, queue: QueueSpec) -> bool:
    ceilings, policy = queue.ceilings, task.spec.policy
    if ceilings is None:
        return False
    asked = policy.timeout_seconds if policy is not None else None
    too_long = ceilings.timeout_seconds is not None and asked is not None and asked > ceilings.timeout_seconds
    return too_long or (ceilings.priority is not None and task.spec.priority > ceilings.priority)
