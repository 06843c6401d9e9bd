"""One process of the operator, driven step by step: every call waits until it is let go on."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from djangotasks_api.models import QueueSpec
from djangotasks_api.outcome import Outcome
from djangotasks_api.reports import ProgressReport
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.kinds import (
    HOLD_SOURCE,
    JOB_SOURCE,
    POD_SOURCE,
    QUEUE_SOURCE,
    SCHEDULE_SOURCE,
    STANDBY_SOURCE,
    TASK_SOURCE,
    WORKFLOW_SOURCE,
)
from djangotasks_operator.cache.report_intake import ReportIntake
from djangotasks_operator.cache.store import Store
from djangotasks_operator.cache.waiting_standbys import Gone
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.recorder import Stale
from djangotasks_operator.runtime.errors import REQUEST_ERRORS
from djangotasks_operator.runtime.server_clock import ServerClock
from djangotasks_operator.runtime.transport import REQUEST_TIMEOUT
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.runtime.workqueue import WorkQueue
from tests.support.builders import NAMESPACE
from tests.unit.operator.harness import make_operator
from tests.unit.operator.model.calls import Calls, Running
from tests.unit.operator.model.server import KINDS, ApiServer, Event, Object
from tests.unit.operator.model.standbys import HeldRequests, Standby, is_idle

STARTING_LIMIT = 2
# A task that needs more than this to come to rest goes round in circles.
MAX_STEPS = 2000
STANDBYS = "standbys"
WATCHES = (*KINDS, STANDBYS)
SOURCES = {
    source.resource.plural: source
    for source in (QUEUE_SOURCE, HOLD_SOURCE, SCHEDULE_SOURCE, WORKFLOW_SOURCE, TASK_SOURCE, JOB_SOURCE, POD_SOURCE)
} | {STANDBYS: STANDBY_SOURCE}


class RememberingStore(Store):
    """Knows of which attempts (task's uid, number) it ever saw a Pod."""

    def __init__(self, work: WorkQueues, monitor: WatchMonitor, intake: ReportIntake) -> None:
        self.seen_pods: set[tuple[str, int]] = set()
        super().__init__(work, monitor, intake)

    def put_pod(self, pod: Pod) -> None:
        self.seen_pods.add((pod.task_uid, pod.attempt))
        super().put_pod(pod)


class Replica:
    """`leads`: reconciles. Every replica follows the watches and accepts reports. `skew`: by how many seconds the clock
    of its machine is wrong."""

    def __init__(self, server: ApiServer, *, leads: bool, skew: float = 0) -> None:
        own = server.clock.beside(skew)
        self.held = HeldRequests()
        self._server, self._clock = server, server.clock
        self.running: list[Running] = []
        self.taken: set[str] = set()
        """The names of the tasks that a worker has taken. The reader clears it."""
        self._operator = make_operator(
            Calls(server, ServerClock(lambda: own.now)),
            spawn=lambda work: self._begin(Running("a log", work)),
            starting_limit=STARTING_LIMIT,
            make_store=RememberingStore,
            waiting=self.held,
            leads=False,
        )
        self._seen = dict.fromkeys(WATCHES, len(server.events))
        self._asked: set[Standby] = set()
        # What the watch of standby pods has delivered, and not taken back.
        self._selected = {body["metadata"]["uid"]: body for body in server.list("pods") if is_idle(body)}
        self.leads = False
        if leads:
            self.lead()

    @property
    def tasks(self) -> WorkQueue[Key]:
        return self._operator.work.tasks

    @property
    def seen_pods(self) -> set[tuple[str, int]]:
        store = self._operator.store
        assert isinstance(store, RememberingStore)
        return store.seen_pods

    def lead(self) -> None:
        """From now on, with nothing taken over but the cache."""
        self.leads = True
        self._operator.lead()

    def queues(self) -> dict[str, QueueSpec]:
        """As it knows them, with what their holds leave of their concurrency."""
        specs = {queue.metadata.name: queue.spec for queue in self._operator.store.queues()}
        return {name: self._held(name, spec) for name, spec in specs.items()}

    def _held(self, name: str, spec: QueueSpec) -> QueueSpec:
        hold = self._operator.store.holds.get(Key(NAMESPACE, name))
        if hold is None or (hold.held.until is not None and hold.held.until <= self._operator.api.clock.now()):
            return spec
        least = hold.held.concurrency if spec.concurrency is None else min(spec.concurrency, hold.held.concurrency)
        return spec.model_copy(update={"concurrency": least})

    def close(self, *, but: Running | None = None) -> None:
        """The process is gone, in the middle of whatever it did. `but`: what still has a request on its way."""
        for running in self.running:
            if running is not but:
                running.coroutine.close()
        self.running.clear()
        for standby in self._asked:
            standby.answered(None)
        self._asked.clear()
        self.held.stop()

    def unseen(self, plural: str) -> bool:
        kind = _kind(plural)
        return any(event.plural == kind for event in self._server.events[self._seen[plural] :])

    def has_work(self) -> bool:
        return self.leads and any(c.queue.delay() == 0 for _, c in self._operator.controllers())

    def next_due(self) -> float | None:
        """When it will reconcile a task that is not finished, or a hold, whatever happens."""
        work = self._operator.work
        delays = (queue.delay() for queue in (work.tasks, work.deferred_status, work.holds))
        delay = min((delay for delay in delays if delay is not None), default=None)
        return None if delay is None else self._clock.seconds() + delay

    def see(self, plural: str, most: int | None = None) -> bool:
        """Takes the next events of a watch. True if there were some."""
        events, kind = self._server.events, _kind(plural)
        position = self._seen[plural]
        any_unseen = self.unseen(plural)
        while position < len(events) and most != 0:
            if events[position].plural == kind:
                self._handle(plural, events[position])
                most = None if most is None else most - 1
            position += 1
        self._seen[plural] = position
        return any_unseen

    def _handle(self, watch: str, event: Event) -> None:
        type_, body = self._of_standby(event) if watch == STANDBYS else (event.type, event.body)
        if body is not None:
            SOURCES[watch].apply_event(self._operator.store, {"type": type_, "object": body})

    def _of_standby(self, event: Event) -> tuple[str, Object | None]:
        """As a watch with a selector delivers it: a Pod that the selector does not match any more is deleted."""
        uid = event.body["metadata"]["uid"]
        if event.type != "DELETED" and is_idle(event.body):
            known, self._selected[uid] = uid in self._selected, event.body
            return "MODIFIED" if known else "ADDED", event.body
        return "DELETED", self._selected.pop(uid, None)

    def see_all(self) -> bool:
        return sum(self.see(plural) for plural in WATCHES) > 0

    def begin_work(self) -> bool:
        """Takes a key from a queue. False if there is none."""
        if not self.leads:
            return False
        for name, controller in self._operator.controllers():
            if (key := controller.queue.take()) is not None:
                if name == "task":
                    self.taken.add(key.name)
                self._begin(Running(f"{name} {key}", controller.process(key)))
                return True
        return False

    def take_outcome(self, attempt: AttemptRef, outcome: Outcome, answered: Callable[[int], None]) -> None:
        """`answered` is called with the HTTP status."""
        work = self._operator.recorder.outcome(attempt, outcome)
        self._begin(Running(f"outcome of {attempt}", work, lambda error: answered(_http(error))))

    def take_progress(self, attempt: AttemptRef, report: ProgressReport) -> None:
        work = self._operator.recorder.write_progress(attempt, report)
        self._begin(Running(f"progress of {attempt}", work, _judge))

    def take_start(self, attempt: AttemptRef, started_at: datetime) -> None:
        work = self._operator.recorder.write_start(attempt, started_at)
        self._begin(Running(f"start of {attempt}", work, _judge))

    def take_request(self, standby: Standby) -> None:
        """A standby pod asks for a task."""

        def ended(error: BaseException | None) -> None:
            self._asked.discard(standby)
            if isinstance(error, Gone):
                standby.is_over = True
            elif error is not None:
                _http(error)
                standby.answered(None)

        standby.asks = True
        self._asked.add(standby)
        self._begin(Running(f"request of {standby.key}", self.held.ask(standby), ended))

    def _begin(self, running: Running) -> None:
        """Up to its first call."""
        running.since = self._clock.seconds()
        if not running.step():
            self.running.append(running)
        self._note_defects()

    def step(self, index: int, steps: int = 1) -> None:
        """Lets one of what runs go on, by so many calls at most."""
        for _ in range(steps):
            self.running[index].since = self._clock.seconds()
            ended = self.running[index].step()
            self._note_defects()
            if ended:
                del self.running[index]
                return

    def fail(self, index: int) -> None:
        """The call it is at fails."""
        self.running[index].since = self._clock.seconds()
        if self.running[index].step(TimeoutError()):
            del self.running[index]

    def time_out(self) -> bool:
        """The calls fail that have not been answered for too long. True if there were some."""
        late = [r for r in self.running if self._clock.seconds() - r.since > REQUEST_TIMEOUT]
        for running in late:
            self.fail(self.running.index(running))
        return bool(late)

    def drain(self) -> bool:
        """Everything that can be done without another event or time. True if there was something."""
        steps: Counter[str] = Counter()
        while self.running or self.begin_work():
            steps[self.running[0].name if self.running else ""] += 1
            assert steps.total() < MAX_STEPS, f"no rest: {steps.most_common(3)}"
            if self.running:
                self.step(0)
        return bool(steps)

    def _note_defects(self) -> None:
        defects = self._operator.metrics.defects_seen
        self._server.violations += ("".join(traceback.format_exception(error)) for error in defects)
        defects.clear()


def _kind(watch: str) -> str:
    return "pods" if watch == STANDBYS else watch


def _judge(error: BaseException | None) -> None:
    """Whatever the endpoint answers, a report of progress or a start that is lost costs nothing. Raises other errors."""
    _http(error)


def _http(error: BaseException | None) -> int:
    """As the endpoint answers it."""
    match error:
        case None:
            return 200
        case Stale():
            return 409
        case _ if isinstance(error, REQUEST_ERRORS):
            return 503
        case _:
            raise error
