"""Reconcile a workflow: see what became of its tasks, record it, and create what follows from what is recorded.

Level-triggered: what is decided rests on the stored status and on the tasks that exist.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from djangotasks_api.phases import Phase
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.graph import InvalidGraph
from djangotasks_api.workflow.inputs import InputError, check_length
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepReason, WorkflowPhase, WorkflowReason, step_reason
from djangotasks_api.workflow.retry import NotRetryable
from djangotasks_api.workflow.stored import records_of
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.workflow_writer import WorkflowWriter
from djangotasks_operator.controllers.flow import Flow
from djangotasks_operator.controllers.flows import Flows
from djangotasks_operator.controllers.plans import Plans
from djangotasks_operator.controllers.retries import Retries
from djangotasks_operator.controllers.step_results import StepResults
from djangotasks_operator.controllers.work_queues import WorkflowTask, WorkQueues
from djangotasks_operator.decide.checks import HELD, SCHEDULED_MIN_TTL
from djangotasks_operator.decide.restored import restored_message, settled_at
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.workflows import status
from djangotasks_operator.workflows.views import Workflow, WorkflowId

# Workflows that are reconciled at once.
WORKFLOWS_IN_FLIGHT = 12
# When to see again whether the task that has returned a workflow has its result.
AWAITED_SECONDS = 10.0


class WorkflowController:
    def __init__(
        self,
        writer: WorkflowWriter,
        results: StepResults,
        work: WorkQueues,
        flows: Flows,
        plans: Plans,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._store = writer.store
        self._work = work
        self._flows = flows
        self._now = now
        self._clock = clock
        self._plans = plans
        self._retries = Retries(writer, plans)
        self._results = results
        self._swept: dict[Key, str] = {}
        """The workflows that ended, and of which no more tasks are to be released, with their uids."""

    async def reconcile(self, key: Key) -> Result:
        """Carry the workflow on as far as it can be now."""
        workflow = self._store.workflows.get(key)
        if workflow is None or workflow.metadata.deletion_timestamp is not None:
            self._forget(key)
            self._swept.pop(key, None)
            return Result.DONE
        if workflow.phase.is_terminal:
            self._forget(key)
            return await self._expire(key, workflow)
        with self._flows.using(key):
            try:
                if workflow.is_held(self._now()):
                    return await self._hold(key, workflow)
                return await self._advance(key, workflow)
            except ApiError as error:
                if not error.stale_or_gone:
                    raise
                # It has changed: what is known of it may be outdated as well.
                self._flows.pop(key)
                return Result.DONE if await self._writer.read(workflow) is None else Result.RETRY
            finally:
                if key not in self._flows:
                    self._plans.forget(key)

    async def _advance(self, key: Key, workflow: Workflow) -> Result:
        flow = self._flows.get(key)
        if flow is None or flow.uid != workflow.uid:
            if (flow := await self._load(key, workflow)) is None:
                return Result.DONE
            # It may have been cancelled while it was read.
            workflow = self._store.workflows.get(key) or workflow
        else:
            self._observe(flow, self._store.workflows.take_changed(flow.id))
        now = self._now()
        if (stopped := workflow.stopped(now)) is not None:
            self._stop(flow, stopped)
        elif workflow.deadline is not None:
            self._work.workflows.add_after(key, (workflow.deadline - now).total_seconds())
        await self._record(key, flow)
        if flow.engine.ending() is None and (stopped is not None or not workflow.suspended):
            for task in flow.engine.create():
                flow.to_create.add(task)
                self._work.step_tasks.add(WorkflowTask(key, task))
        return Result.DONE

    async def _hold(self, key: Key, workflow: Workflow) -> Result:
        """Say of a restored workflow that it waits, once its own status would have been restored."""
        self._forget(key)
        label = workflow.metadata.restored_label or ""
        if workflow.deadline is not None:
            self._work.workflows.add_after(key, (workflow.deadline - self._now()).total_seconds())
        wait = (settled_at(workflow.metadata, now := self._now()) - now).total_seconds()
        if wait > 0:
            self._work.workflows.add_after(key, wait)
            return Result.DONE
        message = restored_message("workflow", "djangotaskworkflow", workflow.metadata.name, label)
        if change := status.held(workflow, message):
            await self._writer.write_status(workflow, change)
        return Result.DONE

    async def _load(self, key: Key, workflow: Workflow) -> Flow | None:
        """Build the workflow's state from what is stored; None where it cannot run."""
        if (body := await self._writer.read(workflow)) is None:
            return None
        fresh = self._store.workflows.get(key)
        if fresh is None or fresh.phase.is_terminal:
            return None
        try:
            reading = await self._plans.read(body)
            steps = await self._retries.begin(fresh, body, reading)
            flow = Flow(body, reading, steps)
        except (InvalidGraph, NotRetryable) as error:
            await self._writer.write_status(fresh, _cannot_run(error, self._now()))
            return None
        self._flows.put(flow)
        # By what is stored: before it sees how others ended.
        self._release(flow.id, flow.keeping_now(self._store.workflows.tasks_of(fresh.id)))
        self._observe(flow, self._store.workflows.tasks(fresh.id))
        return flow

    def _observe(self, flow: Flow, tasks: Mapping[StepTask, Phase | None]) -> None:
        for task in flow.observe(tasks, partial(self._step_reason, flow), partial(self._completed, flow)):
            if task.step not in flow.messages and (message := self._why_failed(flow, task)) is not None:
                flow.messages[task.step] = message

    def _step_reason(self, flow: Flow, task: StepTask) -> StepReason | None:
        found = self._store.task(Key(flow.key.namespace, flow.name_of(task)))
        return None if found is None else step_reason(found.status.reason)

    def _completed(self, flow: Flow, task: StepTask) -> Indexes:
        """The items of a chunk that succeeded, where others did not."""
        found = self._store.task(Key(flow.key.namespace, flow.name_of(task)))
        try:
            return Indexes.parse(found.status.items.completed if found is not None and found.status.items else "")
        except ValueError:
            return Indexes()

    def _why_failed(self, flow: Flow, task: StepTask) -> str | None:
        name = flow.name_of(task)
        if (found := self._store.task(Key(flow.key.namespace, name))) is None:
            return None
        said = f": {found.status.message}" if found.status.message else "."
        return f"{name} is {found.status.phase}, {found.status.reason}{said}"

    def _stop(self, flow: Flow, reason: StepReason) -> None:
        """Stop it, and have its tasks see that."""
        flow.engine.stop(reason)
        if flow.stop_seen:
            return
        flow.stop_seen = True
        for task in self._store.workflows.keys(flow.id):
            self._work.task_changed(task)

    async def _record(self, key: Key, flow: Flow) -> None:
        """Store what is to be recorded, now or as soon as it may be written again. What follows from it waits."""
        engine = flow.engine
        changed = engine.settle()
        while steps := engine.unmeasured():
            await self._measure(flow, steps)
            changed = engine.settle()
        # Reading may have taken a while.
        workflow = self._store.workflows.get(key)
        if workflow is None or workflow.uid != flow.uid:
            return
        if not flow.knows(workflow):
            # Another leader has recorded something: what this one knows is not to replace it.
            self._flows.pop(key)
            self._work.workflows.add(key)
            return
        urgent = engine.is_urgent or engine.ending() is not None
        if (wait := flow.until_write(self._clock(), urgent=urgent)) > 0:
            self._work.workflows.add_after(key, wait)
            return
        # Not before: what is recorded of a wide map may be long.
        change = status.change(workflow, engine, flow.plan.graph, changed, flow.words, self._now())
        if not change:
            return
        try:
            stored = await self._writer.write_status(workflow, change)
        except ApiError as error:
            if not error.too_large:
                raise
            # Nothing that comes later is shorter.
            await self._writer.write_status(workflow, status.too_large(self._now()))
            self._flows.pop(key)
            return
        flow.written(stored, self._clock())
        engine.recorded()
        self._release(flow.id, flow.take_removable(changed, lambda: self._store.workflows.tasks_of(flow.id)))
        if engine.ending() is not None:
            self._swept[key] = flow.uid

    def _release(self, workflow: WorkflowId, tasks: Iterable[StepTask]) -> None:
        """Have tasks deleted that nothing needs any more."""
        for task in tasks:
            self._store.workflows.release(workflow, task)

    async def _sweep(self, workflow: Workflow) -> None:
        """Release what is left of a workflow that ended, and that another leader has not seen to."""
        existing = self._store.workflows.tasks_of(workflow.id)
        if not existing or (body := await self._writer.read(workflow)) is None:
            return
        try:
            reading = await self._plans.read_once(body)
            records = records_of(reading.plan.graph, workflow.status.get("steps") or {})
        except InvalidGraph:
            return
        succeeded = workflow.phase is WorkflowPhase.SUCCEEDED
        found = reading.keeping.removable(existing, lambda name: records.get(name) or Record(), succeeded=succeeded)
        self._release(workflow.id, found)

    def _forget(self, key: Key) -> None:
        self._flows.pop(key)
        self._plans.forget(key)

    async def _measure(self, flow: Flow, steps: Iterable[str]) -> None:
        """Read the lengths of results that are mapped over."""
        for step in steps:
            try:
                length = await self._results.length(flow, step)
                check_length(flow.plan, flow.engine.record, step, length)
            except InputError as error:
                for follower in flow.plan.graph:
                    if follower.over == step:
                        flow.messages.setdefault(follower.name, str(error))
                flow.engine.measured(step, None, error.reason)
            else:
                flow.engine.measured(step, length)

    async def _expire(self, key: Key, workflow: Workflow) -> Result:
        """Delete a finished workflow, with its tasks, when its TTL has elapsed, or its queue has too many."""
        if workflow.removes_tasks and self._swept.get(key) != workflow.uid:
            await self._sweep(workflow)
            self._swept[key] = workflow.uid
        if workflow.returned_by is not None and self._is_awaited(workflow):
            self._work.workflows.add_after(key, AWAITED_SECONDS)
            return Result.DONE
        if workflow.finished_at is None or self._store.workflows.retries.holds(workflow.id):
            # Once its last retry is gone, it comes again.
            return Result.DONE
        if self._store.schedules.holds(workflow.metadata, workflow.schedule, workflow.scheduled_for):
            self._work.workflows.add_after(key, HELD.total_seconds())
            return Result.DONE
        ttl = timedelta() if self._store.workflows.is_surplus(workflow) else workflow.ttl
        if workflow.schedule is not None:
            ttl = max(ttl, SCHEDULED_MIN_TTL)
        wait = (workflow.finished_at + ttl - self._now()).total_seconds()
        if wait > 0:
            self._work.workflows.add_after(key, wait)
        elif self._store.is_retried(workflow):
            self._work.workflows.add_after(key, HELD.total_seconds())
        else:
            await self._writer.delete(workflow)
        return Result.DONE

    def _is_awaited(self, workflow: Workflow) -> bool:
        """Whether the task that has returned it has not its result yet."""
        name, uid = workflow.returned_by or ("", "")
        task = self._store.task(Key(workflow.metadata.namespace, name))
        return task is not None and task.metadata.uid == uid and not task.status.phase.is_terminal


def _cannot_run(error: InvalidGraph | NotRetryable, now: datetime) -> status.Change:
    if isinstance(error, NotRetryable):
        return status.failed(WorkflowReason.NOT_RETRYABLE, str(error), now)
    return status.failed(WorkflowReason.INVALID_GRAPH, f"The workflow cannot run: {error}.", now)
