"""Reconcile a task: observe, decide, act, until there is nothing left to do.

Level-triggered: it does not matter which event added the key to the queue, or how often.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from djangotasks_api.models import DjangoTask, LogTail, TaskStatus
from djangotasks_api.phases import Reason
from djangotasks_operator.cache.keys import Key, queue_of
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.controllers.admission import Admission
from djangotasks_operator.controllers.attempt_starter import AttemptStarter
from djangotasks_operator.controllers.event_reader import EventReader
from djangotasks_operator.controllers.log_collector import LogCollector
from djangotasks_operator.controllers.queue_controller import QueueController
from djangotasks_operator.controllers.returned_workflows import ReturnedWorkflows
from djangotasks_operator.controllers.start_results import Blocked, Rejected, Stale, Started, is_same_refusal
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.decide.actions import (
    AwaitAdmission,
    DeletePod,
    DeleteTask,
    FetchLog,
    FinishJob,
    SettleReturned,
    Start,
    StoreLogTail,
    Wait,
    WriteStatus,
    WriteStatusLater,
)
from djangotasks_operator.decide.checks import decide
from djangotasks_operator.decide.log_retention import with_log_retention
from djangotasks_operator.decide.pod_events import events_due
from djangotasks_operator.decide.snapshot import DeletedFor, Snapshot
from djangotasks_operator.pods.manifests import job_status
from djangotasks_operator.pods.views import AttemptId, Body, Job
from djangotasks_operator.runtime.controller import AWAY_BACKOFF, Result
from djangotasks_operator.runtime.errors import REQUEST_ERRORS, ApiError, is_client_error
from djangotasks_operator.scheduling.recovery import LAST_WAIT
from djangotasks_operator.status import endings, transitions
from djangotasks_operator.status.attempts import open_attempt, stops_attempt
from djangotasks_operator.status.text import message_for_others
from djangotasks_operator.workflows.views import is_recorded

logger = logging.getLogger(__name__)

# Reconciles at once: twice the writes in flight, since many of them wait for a read, or for a slot among those writes.
WORKERS = 64
# How often a Pod is read that no watch delivers, because its labels were taken away.
UNWATCHED_SECONDS = 10.0
# A task needs a handful of steps at a time; more would be an action that undoes itself.
MAX_STEPS = 20


class TaskController:
    def __init__(
        self,
        writer: TaskWriter,
        work: WorkQueues,
        admission: Admission,
        starter: AttemptStarter,
        logs: LogCollector,
        events: EventReader,
        queues: QueueController,
        returned: ReturnedWorkflows,
        now: Callable[[], datetime],
    ) -> None:
        self._writer = writer
        self._store = writer.store
        self._work = work
        self._admission = admission
        self._starter = starter
        self._logs = logs
        self._events = events
        self._queues = queues
        self._returned = returned
        self._now = now

    async def reconcile(self, key: Key) -> Result:
        """Carry out actions until the task has to wait. RETRY where it could not be started."""
        try:
            await self._stop_abandoned(key)
            for _ in range(MAX_STEPS):
                # The answers to this reconcile's own writes add the key.
                self._work.tasks.observed(key)
                snapshot = await self._observe(key)
                if snapshot is None:
                    self._admission.forget(key)
                    self._logs.forget(key)
                    return Result.DONE
                if (result := await self._step(key, snapshot)) is not None:
                    return result
            raise RuntimeError(f"no end after {MAX_STEPS} steps")
        finally:
            self._admission.admit()

    async def _stop_abandoned(self, key: Key) -> None:
        """Delete a pod that outlives its task, and that nothing owns, so that no garbage collector deletes it: somebody
        deleted its Job without it, or a policy has taken its owner away."""
        pod = self._store.outliving(key)
        if pod is None or pod.job_uid or pod.deleting:
            return
        # One that cannot be parsed is not in the cache.
        body = await self._writer.read_task(key)
        if body is None or body["metadata"]["uid"] != pod.task_uid:
            logger.warning("the Pod %s/%s outlives its task, has no owner, and is deleted", pod.namespace, pod.name)
            await self._writer.delete_pod(pod)

    async def _observe(self, key: Key) -> Snapshot | None:
        admitted = self._admission.is_admitted(key)
        snapshot = self._store.snapshot(key, admitted=admitted)
        if snapshot is None:
            return None
        if self._admission.is_spent(key) and not snapshot.in_progress:
            # The attempt has ended. The next one waits for a slot, and counts for the rate, as the first one did.
            self._admission.attempt_ended(key, snapshot.task)
            admitted = False
            snapshot = replace(snapshot, admitted=False)
        number = snapshot.number
        pod = snapshot.pods.get(number)
        unseen = self._store.needs_read(key, number)
        expected = unseen or (open_attempt(snapshot.task.status) is not None and number not in snapshot.lost)
        if (pod is None and expected) or (pod is not None and not pod.watched):
            # There was a Pod. Before the attempt is called lost, read the Pod.
            if await self._writer.read_pod(key, AttemptId(key.name, snapshot.task.metadata.uid, number)) is None:
                if pod is not None:
                    self._store.drop_pod(pod)
                self._store.mark_lost(key, number)
            snapshot = self._store.snapshot(key, admitted=admitted)
        return snapshot

    async def _step(self, key: Key, snapshot: Snapshot) -> Result | None:
        """Decide on one action, and carry it out. None where there may be another one."""
        task, now = snapshot.task, self._now()
        self._work.queue_tasks_changed(queue_of(task))
        if snapshot.in_progress:
            self._admission.mark_admitted(key, task)
        plan = with_log_retention(decide(snapshot, now), snapshot, self._logs.tails(key, snapshot), now)
        match plan:
            case Wait() | AwaitAdmission() | WriteStatusLater():
                return self._rest(key, snapshot, plan, now)
            case Start(number):
                return await self._start(key, snapshot, number)
            case WriteStatus(status):
                return await self._write_or_stop(key, snapshot, status)
            case FinishJob(job, attempt):
                pod = snapshot.pods.get(attempt.number)
                started_at = attempt.started_at or (pod.created_at if pod else now)
                message = message_for_others(attempt.reason, attempt.message, attempt)
                await self._finish_job(job, job_status(attempt, message, started_at, now))
            case DeletePod(pod, grace):
                return Result.DONE if await self._writer.delete_pod(pod, grace) else None
            case SettleReturned():
                return await self._settle_returned(snapshot)
            case DeleteTask(at):
                self._admission.forget(key)
                self._work.deletions.add_after(key, (at - now).total_seconds())
                return Result.DONE
            case FetchLog():
                self._logs.fetch(key, plan)
            case StoreLogTail(number, text):
                await self._store_log_tail(key, task, LogTail(attempt=number, text=text))
        return None

    async def _finish_job(self, job: Job, status: Body) -> None:
        """Finish the Job. One that can never be finished, since somebody else has written its status, is left as it
        is: it holds up neither the next attempt of its task nor its TTL."""
        try:
            await self._writer.finish_job(job, dict(status))
        except ApiError as error:
            if not error.invalid:
                raise
            logger.warning("the Job %s/%s cannot be finished, and is left alone: %s", job.namespace, job.name, error)
            self._store.leave_job(job)

    async def _settle_returned(self, snapshot: Snapshot) -> Result | None:
        if (ended := await self._returned.settle(snapshot)) is not None:
            return await self._write(snapshot.task, ended)
        # What was read is in the cache, unless it is about to be deleted.
        return Result.RETRY if self._store.workflows.returned_by(snapshot.task) is None else None

    def _rest(
        self, key: Key, snapshot: Snapshot, action: Wait | AwaitAdmission | WriteStatusLater, now: datetime
    ) -> Result:
        """There is nothing to do before something changes."""
        if isinstance(action, AwaitAdmission):
            self._admission.enqueue(key, snapshot.task)
            if snapshot.task.status.reason is Reason.JOB_NAME_TAKEN and self._store.take_freed(key):
                self._admission.name_free(snapshot.task)
        elif isinstance(action, WriteStatusLater):
            self._work.deferred_status.add(key)
        elif not snapshot.in_progress:
            self._admission.forget(key)
        if action.until is not None:
            self._work.tasks.add_after(key, (action.until - now).total_seconds())
        self._read_events(key, snapshot, now)
        if (pod := snapshot.pods.get(snapshot.number)) is not None:
            self._queues.on_waiting(pod)
        if any(not pod.watched for pod in snapshot.pods.values()):
            self._work.tasks.add_after(key, UNWATCHED_SECONDS)
        return Result.WAITING if isinstance(action, AwaitAdmission) else Result.DONE

    def _read_events(self, key: Key, snapshot: Snapshot, now: datetime) -> None:
        if (due := events_due(snapshot, now)) is None:
            return
        wait: timedelta | None = due - now
        if due <= now:
            wait = self._events.read(key, snapshot.pods[snapshot.number])
        if wait is not None:
            self._work.tasks.add_after(key, wait.total_seconds())

    async def _start(self, key: Key, snapshot: Snapshot, number: int) -> Result | None:
        task = snapshot.task
        if snapshot.workflow is not None and is_recorded(snapshot.workflow, task):
            # It was deleted (keepTasks), and created again by a replica that did not know yet that it leads no more.
            await self._writer.delete_task(task, DeletedFor.WORKFLOW)
            return None
        try:
            result = await self._starter.start(snapshot, number)
        except REQUEST_ERRORS as error:
            # An API server that is away is no fault of the queue, which is not to wait for long when it is back.
            self._admission.start_failed(key, task, LAST_WAIT if is_client_error(error) else AWAY_BACKOFF)
            raise
        except BaseException:
            # Whatever it is, the task takes no slot from others while it is tried again.
            self._admission.start_failed(key, task)
            raise
        match result:
            case Started() | Stale():
                return None
            case Rejected(reason, message):
                status = endings.attempt_ended_without_outcome(
                    key.name, task.status, reason, message, snapshot.limits, self._now()
                )
                return await self._write(task, status)
            case Blocked(reason, message):
                self._admission.start_failed(key, task, refused=True)
                waiting = transitions.waiting(task.status, reason, message)
                if task.status.reason is not reason or not is_same_refusal(task.status.message, waiting.message):
                    await self._write(task, waiting)
                # A failure is not forgotten by a pass in which the task only lines up again.
                return Result.RETRY

    async def _write_or_stop(self, key: Key, snapshot: Snapshot, status: TaskStatus) -> Result | None:
        """Write the status. Where the API server will never take it, the pod that it would stop is stopped all the
        same, and the task holds no slot without one."""
        try:
            return await self._write(snapshot.task, status)
        except ApiError as error:
            if error.invalid:
                pod = snapshot.pods.get(snapshot.number)
                if pod is None or pod.all_ended:
                    self._admission.forget(key)
                elif pod.deletes_by is None and stops_attempt(status):
                    await self._writer.delete_pod(pod)
            raise

    async def _write(self, task: DjangoTask, status: TaskStatus) -> Result | None:
        """RETRY where the API server refuses a version that it still shows, or what it stores is read as before:
        deciding again would not help now."""
        written = await self._writer.write_status_or_read(task, status)
        fresh = self._store.task(Key.of(task.metadata))
        if written:
            self._queues.on_status_written(task, status)
            return Result.RETRY if fresh is not None and fresh.status == task.status else None
        unchanged = fresh is not None and fresh.metadata.resource_version == task.metadata.resource_version
        return Result.RETRY if unchanged else None

    async def _store_log_tail(self, key: Key, task: DjangoTask, tail: LogTail) -> None:
        try:
            await self._writer.write_log_tail(task, tail)
        except ApiError as error:
            if not error.stale_or_gone:
                self._logs.refused(key, tail.attempt)
                raise
            await self._writer.read_task(key)
