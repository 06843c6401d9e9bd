"""One term of leading: the controllers, put together. Nothing is taken over from the last term but the cache."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from djangotasks_operator.cache.hold_writer import HoldWriter
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.report_intake import ReportIntake
from djangotasks_operator.cache.schedule_writer import ScheduleWriter
from djangotasks_operator.cache.waiting_standbys import WaitingStandbys
from djangotasks_operator.cache.workflow_writer import WorkflowWriter
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.controllers.admission import STARTING_LIMIT, Admission
from djangotasks_operator.controllers.assignments import ReportAccess
from djangotasks_operator.controllers.attempt_starter import AttemptStarter
from djangotasks_operator.controllers.deferred_status import DeferredStatus
from djangotasks_operator.controllers.event_reader import EventReader
from djangotasks_operator.controllers.expiry_controller import (
    DELETIONS_IN_FLIGHT,
    DELETIONS_PER_SECOND,
    ExpiryController,
)
from djangotasks_operator.controllers.flows import Flows
from djangotasks_operator.controllers.hold_controller import (
    HOLDS_IN_FLIGHT,
    HoldController,
    HoldObserver,
    NobodyObserves,
)
from djangotasks_operator.controllers.log_collector import LogCollector
from djangotasks_operator.controllers.plans import InThread, Plans
from djangotasks_operator.controllers.pod_templates import PodTemplates
from djangotasks_operator.controllers.queue_controller import QUEUES_IN_FLIGHT, QueueController
from djangotasks_operator.controllers.queue_edits import QueueEdits
from djangotasks_operator.controllers.returned_workflows import ReturnedWorkflows
from djangotasks_operator.controllers.schedule_controller import (
    SCHEDULES_IN_FLIGHT,
    ScheduleController,
    ScheduleObserver,
    Unobserved,
)
from djangotasks_operator.controllers.standby_claims import StandbyClaims
from djangotasks_operator.controllers.standby_controller import STANDBY_QUEUES_IN_FLIGHT, StandbyController
from djangotasks_operator.controllers.standby_pools import StandbyPools
from djangotasks_operator.controllers.step_results import StepResults
from djangotasks_operator.controllers.step_task_creator import CREATIONS_IN_FLIGHT, StepTaskCreator
from djangotasks_operator.controllers.task_controller import WORKERS, TaskController
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.controllers.workflow_controller import WORKFLOWS_IN_FLIGHT, WorkflowController
from djangotasks_operator.runtime.background import Background, Spawn
from djangotasks_operator.runtime.controller import Controller, Reconcile, Result
from djangotasks_operator.runtime.rate_limit import TokenBucket
from djangotasks_operator.telemetry.metrics import Metrics


class Term:
    """Build it when this process begins to lead, list everything, `initialize` it, and run its controllers."""

    def __init__(
        self,
        writer: TaskWriter,
        work: WorkQueues,
        access: ReportAccess,
        intake: ReportIntake,
        metrics: Metrics,
        now: Callable[[], datetime],
        *,
        waiting: WaitingStandbys | None = None,
        schedule_observer: ScheduleObserver | None = None,
        hold_observer: HoldObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
        spawn: Spawn | None = None,
        in_thread: InThread | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        starting_limit: int = STARTING_LIMIT,
    ) -> None:
        """`spawn`: runs a coroutine in the background; by default as a task of the event loop. `in_thread`: calls a
        function that takes long; by default in a thread. `waiting`: the requests of standby pods."""
        self._waiting = waiting or WaitingStandbys()
        self._intake = intake
        self._now = now
        templates = PodTemplates(writer.api, clock)
        self.admission = Admission(writer.store, work.tasks, now, starting_limit)
        pools = StandbyPools(clock)
        self.claims = StandbyClaims(writer, self._waiting, pools, access, work, metrics, now)
        self.starter = AttemptStarter(writer, templates, access, self.claims, clock)
        self.standbys = StandbyController(writer, templates, self._waiting, pools, access, self.admission, work, now)
        self._background = Background()
        spawn = spawn or self._background.spawn
        self.logs = LogCollector(writer, work.tasks, spawn)
        self.events = EventReader(writer, spawn, now, clock)
        holds = hold_observer or NobodyObserves()
        self.queues = QueueController(writer, templates, self.starter, self.admission, work, holds, self.standbys, now)
        self.edits = QueueEdits(writer.store, work, clock)
        self.holds = HoldController(HoldWriter(writer), work, self.admission, holds, now)
        workflow_writer = WorkflowWriter(writer)
        plans = Plans(in_thread or asyncio.to_thread)
        results = StepResults(workflow_writer, plans)
        returned = ReturnedWorkflows(workflow_writer, results, plans, now)
        self.tasks = TaskController(
            writer, work, self.admission, self.starter, self.logs, self.events, self.queues, returned, now
        )
        self.expiry = ExpiryController(writer, work.deletions, now)
        self.deferred_status = DeferredStatus(writer, now, sleep=sleep, clock=clock)
        self.flows = flows = Flows(plans.forget)
        self.workflows = WorkflowController(workflow_writer, results, work, flows, plans, now, clock)
        self.step_tasks = StepTaskCreator(workflow_writer, results, work, flows, now)
        self.schedules = ScheduleController(ScheduleWriter(writer), work, schedule_observer or Unobserved(), now)
        failed = metrics.reconcile_failed
        deletions = TokenBucket(DELETIONS_IN_FLIGHT, DELETIONS_PER_SECOND, clock)
        self.controllers = (
            Controller(work.edited_queues, self.edits.reconcile, workers=1, failed=failed),
            Controller(work.tasks, _timed(self.tasks.reconcile, metrics), workers=WORKERS, failed=failed),
            Controller(
                work.deletions, self.expiry.reconcile, workers=DELETIONS_IN_FLIGHT, limit=deletions, failed=failed
            ),
            # One at a time: the rate limit is what delays it.
            Controller(work.deferred_status, self.deferred_status.reconcile, workers=1, failed=failed),
            Controller(work.queues, self.queues.reconcile, workers=QUEUES_IN_FLIGHT, failed=failed),
            Controller(work.workflows, self.workflows.reconcile, workers=WORKFLOWS_IN_FLIGHT, failed=failed),
            Controller(work.step_tasks, self.step_tasks.reconcile, workers=CREATIONS_IN_FLIGHT, failed=failed),
            Controller(work.schedules, self.schedules.reconcile, workers=SCHEDULES_IN_FLIGHT, failed=failed),
            Controller(work.holds, self.holds.reconcile, workers=HOLDS_IN_FLIGHT, failed=failed),
            Controller(work.standbys, self.standbys.reconcile, workers=STANDBY_QUEUES_IN_FLIGHT, failed=failed),
        )

    async def initialize(self) -> None:
        """Take over what is in progress, from a cache that is up to date."""
        # Reports that were sent while nobody led may be lost.
        self._intake.interrupted(self._now())
        await self.admission.initialize()
        self.queues.initialize()
        self.schedules.initialize()
        self.holds.initialize()
        self.standbys.initialize()
        self._waiting.lead(self.claims)

    def close(self) -> None:
        """End what the controllers left in the background."""
        self._waiting.stop()
        self._background.close()


def _timed(reconcile: Reconcile[Key], metrics: Metrics) -> Reconcile[Key]:
    async def timed(key: Key) -> Result:
        began = time.perf_counter()
        try:
            return await reconcile(key)
        finally:
            metrics.reconciles.observe(time.perf_counter() - began)

    return timed
