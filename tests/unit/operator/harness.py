"""One process of the operator in memory: its real parts on the API server of the model check.

Nothing runs by itself. A test changes the server, lets the operator list, and lets it reconcile; the clock stands still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, QueueStatus, TaskStatus
from djangotasks_api.names import HOLD_PLURAL, QUEUE_PLURAL, SCHEDULE_PLURAL, TASK_PLURAL
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.reflectors import Reflectors
from djangotasks_operator.cache.report_intake import ReportIntake
from djangotasks_operator.cache.store import Store
from djangotasks_operator.cache.waiting_standbys import WaitingStandbys
from djangotasks_operator.cache.writer import Observer, TaskWriter
from djangotasks_operator.controllers.assignments import ReportAccess
from djangotasks_operator.controllers.hold_controller import HoldObserver
from djangotasks_operator.controllers.term import Term
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.reports.recorder import ReportRecorder
from djangotasks_operator.runtime.background import Spawn
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.controller import Controller, Result
from djangotasks_operator.runtime.errors import REQUEST_ERRORS
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.telemetry.metrics import Metrics
from tests.support.builders import KEY, NAMESPACE, make_queue
from tests.unit.operator.model.calls import Calls, run
from tests.unit.operator.model.server import ApiServer, Clock, Object

DEADLINE = 30.0
# Far more than the controllers need to come to rest.
MAX_STEPS = 3000


async def at_once[T](call: Callable[[], T]) -> T:
    """In the place of a thread."""
    return call()


async def no_wait(_seconds: float) -> None:
    """In the place of a pause: the clock stands still."""


async def until(check: Callable[[], bool]) -> None:
    """Wait until something holds that other tasks of the event loop bring about."""
    async with asyncio.timeout(DEADLINE):
        while not check():  # noqa: ASYNC110 - what is waited for may be the absence of something
            await asyncio.sleep(0.005)


# To make them takes longer than all the rest of an operator.
COUNTERS = Metrics()


class DefectList(Metrics):
    """Metrics that keep the defects of reconciles. What they count, they count for all operators of the process."""

    def __init__(self) -> None:
        vars(self).update(vars(COUNTERS))
        self.defects_seen: list[Exception] = []

    def reconcile_failed(self, error: Exception) -> None:
        super().reconcile_failed(error)
        if not isinstance(error, REQUEST_ERRORS):
            self.defects_seen.append(error)


@dataclass
class InMemoryOperator:
    """`make_operator` makes it."""

    api: Calls
    clock: Clock
    work: WorkQueues
    intake: ReportIntake
    store: Store
    writer: TaskWriter
    recorder: ReportRecorder
    reflectors: Reflectors
    metrics: DefectList
    starting_limit: int
    spawned: list[Coroutine[Any, Any, None]] = field(default_factory=list)
    """What runs in the background: `drain` runs it."""
    spawn: Spawn | None = None
    """Called instead of adding to `spawned`."""
    hold_observer: HoldObserver | None = None
    waiting: WaitingStandbys | None = None
    _term: Term | None = None

    @property
    def server(self) -> ApiServer:
        return self.api.server

    @property
    def term(self) -> Term:
        assert self._term is not None, "call lead() first"
        return self._term

    def lead(self) -> None:
        """Begin to lead, with nothing taken over but the cache."""
        self.work.clear()
        self.work.open()
        self._term = Term(
            self.writer,
            self.work,
            ReportAccess("http://10.0.0.1", KEY),
            self.intake,
            self.metrics,
            self.api.clock.now,
            clock=self.clock.seconds,
            spawn=self.spawn or self.spawned.append,
            in_thread=at_once,
            sleep=no_wait,
            starting_limit=self.starting_limit,
            hold_observer=self.hold_observer,
            waiting=self.waiting,
        )
        self.relist()
        run(self._term.initialize())

    def relist(self) -> None:
        """List everything, and enqueue all tasks."""
        run(self.reflectors.list())
        for key in self.store.all_keys():
            self.work.task_changed(key)
        for workflow in self.store.workflows.all():
            self.work.workflow_changed(Key.of(workflow.metadata))

    def controllers(self) -> Iterator[tuple[str, Controller[Any]]]:
        names = (
            *("queue edit", "task", "deletion", "deferred status", "queue"),
            *("workflow", "step task", "schedule", "hold", "standby"),
        )
        yield from zip(names, self.term.controllers, strict=True)

    def drain(self) -> None:
        """Reconcile all keys that are ready, and run what is in the background, until there is nothing left."""
        for _ in range(MAX_STEPS):
            if self.spawned:
                run(self.spawned.pop(0))
            elif (ready := self._take()) is not None:
                run(ready)
            else:
                assert not self.metrics.defects_seen, self.metrics.defects_seen
                return
        raise AssertionError(f"no rest after {MAX_STEPS} steps")

    def wait(self, seconds: float) -> None:
        """Let time pass, and reconcile what is due then."""
        self.clock.advance(seconds)
        self.drain()

    def reconcile(self, name: str = "receipt") -> Result:
        """Reconcile one task, whether it is due or not."""
        return run(self.term.tasks.reconcile(Key(NAMESPACE, name)))

    # The cluster

    def put_queue(self, name: str = "default", **spec: Any) -> None:
        """Create or change a queue, and deliver its event."""
        body = _body(make_queue(name, **spec))
        if (QUEUE_PLURAL, name) in self.server.objects:
            self.server.update(QUEUE_PLURAL, name, {"spec": body["spec"]})
        else:
            self.server.create(QUEUE_PLURAL, body)
        self.relist()

    def put_schedule(self, name: str = "nightly", **spec: Any) -> None:
        """Create or change a schedule, and deliver its event."""
        if (SCHEDULE_PLURAL, name) in self.server.objects:
            self.server.update(SCHEDULE_PLURAL, name, {"spec": spec})
        else:
            template = {} if "workflow" in spec else {"task": {"task": "shop.tasks.nightly"}}
            spec = {"cron": ["* * * * *"]} | template | spec
            self.server.create(SCHEDULE_PLURAL, {"metadata": {"name": name}, "spec": spec})
        self.relist()

    def schedule_status(self, name: str = "nightly") -> dict[str, Any]:
        status: dict[str, Any] = self.server.get(SCHEDULE_PLURAL, name).get("status", {})
        return status

    def put_hold(self, name: str = "default", **spec: Any) -> None:
        """Create or change a hold, and deliver its event."""
        if (HOLD_PLURAL, name) in self.server.objects:
            self.server.update(HOLD_PLURAL, name, {"spec": spec})
        else:
            self.server.create(HOLD_PLURAL, {"metadata": {"name": name}, "spec": {"by": "jane"} | spec})
        self.relist()

    def put_task(self, task: DjangoTask) -> None:
        """Create a task with its status, and deliver its event."""
        body = _body(task)
        body["metadata"] = {"name": task.metadata.name}
        self.server.create(TASK_PLURAL, body)
        self.relist()

    def status(self, name: str = "receipt") -> TaskStatus:
        return TaskStatus.model_validate(self.server.get(TASK_PLURAL, name)["status"])

    def queue_status(self, name: str = "default") -> QueueStatus:
        return QueueStatus.model_validate(self.server.get(QUEUE_PLURAL, name)["status"])

    def set_pod_status(self, name: str, status: Object) -> None:
        """Write a Pod's status as its kubelet does, and deliver the event."""
        self.server.update("pods", name, {"status": status})
        self.relist()

    def names(self, plural: str) -> list[str]:
        """The names of all objects of a kind."""
        return [body["metadata"]["name"] for body in self.server.list(plural)]

    def _take(self) -> Coroutine[Any, Any, None] | None:
        for _, controller in self.controllers():
            if (key := controller.queue.take()) is not None:
                return controller.process(key)
        return None


def make_operator(
    api: Calls | None = None,
    *,
    observer: Observer | None = None,
    spawn: Spawn | None = None,
    starting_limit: int = 32,
    make_store: Callable[[WorkQueues, WatchMonitor, ReportIntake], Store] = Store,
    waiting: WaitingStandbys | None = None,
    leads: bool = True,
) -> InMemoryOperator:
    """Put the operator together on an API server, by default an empty one, and let it lead."""
    api = api or Calls(ApiServer(Clock()))
    clock = api.server.clock
    work, monitor, intake = (
        WorkQueues(clock.seconds, clock.seconds),
        WatchMonitor(clock=clock.seconds),
        ReportIntake((KEY,)),
    )
    store = make_store(work, monitor, intake)
    now = api.clock.now
    writer = TaskWriter(cast(Api, api), store, intake, observer, now)
    operator = InMemoryOperator(
        api,
        clock,
        work,
        intake,
        store,
        writer,
        ReportRecorder(writer, now, started_delay=0, progress_seconds=0),
        Reflectors(cast(Api, api), store, monitor, ()),
        DefectList(),
        starting_limit,
        spawn=spawn,
        waiting=waiting,
    )
    operator.relist()
    if leads:
        operator.lead()
    return operator


def _body(model: DjangoTask | DjangoTaskQueue) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
