"""Give standby pods to attempts: choose one, move it under the attempt's Job, and answer its request.

The Job is created first, and names the pod: so the attempt has no other standby pod, ever. Then the pod is moved by one
compare-and-swap: so no other attempt has it. Only where both agree is anything delivered. An attempt whose standby pod
is gone, is being deleted, or is another attempt's, gets a pod of its own under the same Job: none of these can be
undone.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from djangotasks_api.assignment import Assignment
from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_api.phases import Reason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.waiting_standbys import Gone, WaitingStandbys
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.controllers.assignments import ReportAccess
from djangotasks_operator.controllers.standby_pools import StandbyPools
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.pods.assignment import InvalidPayload
from djangotasks_operator.pods.parsing import parse_pod
from djangotasks_operator.pods.standby import StandbyPod, claim_patch, parse_standby, template_hash
from djangotasks_operator.pods.template import PodTemplate
from djangotasks_operator.pods.views import AttemptId, Body, Job
from djangotasks_operator.runtime.errors import ApiError, unless_missing
from djangotasks_operator.runtime.resources import PODS
from djangotasks_operator.status.attempts import open_attempt
from djangotasks_operator.telemetry.metrics import Metrics

# The kubelet may change the pod between a read and a write, each time.
CLAIM_TRIES = 8
# Why a task has a pod of its own: that differs from others.
OVERRIDES = "overrides"


class Choice(NamedTuple):
    """The name of a standby pod; or why there is none, in a queue that has some."""

    pod: str | None = None
    missed: str | None = None


class StandbyClaims:
    """A `cache.waiting_standbys.Source`."""

    def __init__(
        self,
        writer: TaskWriter,
        waiting: WaitingStandbys,
        pools: StandbyPools,
        access: ReportAccess,
        work: WorkQueues,
        metrics: Metrics,
        now: Callable[[], datetime],
    ) -> None:
        self._writer = writer
        self._store = writer.store
        self._waiting = waiting
        self._pools = pools
        self._access = access
        self._work = work
        self._metrics = metrics
        self._now = now
        # Pods that an attempt is about to claim.
        self._chosen: set[Key] = set()

    @contextlib.contextmanager
    def chosen(self, task: DjangoTask, queue: DjangoTaskQueue, template: PodTemplate) -> Iterator[Choice]:
        """A standby pod for the task, which no other attempt is given meanwhile. `template`: with which the task's own
        pod would be made."""
        if queue.spec.standby is None:
            yield Choice()
            return
        found = self._choose(task, queue, template)
        if not isinstance(found, StandbyPod):
            yield Choice(missed=found)
            return
        key = Key(found.namespace, found.name)
        self._chosen.add(key)
        try:
            yield Choice(found.name)
        finally:
            self._chosen.discard(key)

    def started(self, task: DjangoTask, queue: DjangoTaskQueue, missed: str | None = None) -> None:
        """Count a start, when it has succeeded: one that is tried again is one task. `missed`: why the attempt has a
        pod of its own, where it has."""
        if queue.spec.standby is None:
            return
        key = Key.of(queue.metadata)
        if missed is not None:
            self._metrics.of_queue(*key).standby_missed(missed)
        if missed != OVERRIDES:
            self._pools.of(key).note(task, self._pools.clock())
            self._work.standbys.add(key)

    def _choose(self, task: DjangoTask, queue: DjangoTaskQueue, template: PodTemplate) -> StandbyPod | str:
        """The oldest that waits, or why there is none."""
        policy = task.spec.policy
        if task.spec.overrides is not None or (policy is not None and policy.grace_period_seconds is not None):
            return OVERRIDES
        key = Key.of(queue.metadata)
        there = [pod for pod in self._store.standbys.of_queue(key) if not (pod.deleting or pod.ended)]
        current = template_hash(queue, template, self._access.url)
        fresh = [pod for pod in there if (pod.hash, pod.queue_uid) == (current, queue.metadata.uid)]
        for pod in fresh:
            its_key = Key(pod.namespace, pod.name)
            if its_key not in self._chosen and self._waiting.is_ready(its_key):
                return pod
        if fresh:
            return "starting"
        return "stale" if there else "empty"

    async def claim(self, job: Job, queue: DjangoTaskQueue, template: PodTemplate, assignment: Assignment) -> bool:
        """Make the standby pod that the Job names the attempt's, and hand the task to it. False where it can never
        become the attempt's: it needs a pod of its own. Raises what the client raises."""
        assert job.standby is not None  # noqa: S101 - the caller has asked
        key = Key(job.namespace, job.standby)
        assignment = replace(assignment, worker_id=job.standby)
        standby = self._store.standbys.get(key)
        current = template_hash(queue, template, self._access.url)
        for _ in range(CLAIM_TRIES):
            if standby is None:
                body = await unless_missing(self._writer.api.get(PODS, *key))
                if body is not None and self._has(body, job):
                    self._waiting.deliver(key, assignment)
                    return True
                standby = None if body is None else parse_standby(body)
                if standby is None or standby.deleting:
                    return False
            fits = (standby.hash, standby.queue_uid) == (current, queue.metadata.uid)
            if fits and not (standby.deleting or standby.ended):
                if await self._move(standby, job, template, assignment):
                    self._waiting.deliver(key, assignment)
                    return True
            elif await self._writer.delete_standby(standby):
                return False
            # It has changed, or the answer to an earlier request was lost: what is there decides.
            standby = None
        raise TimeoutError(f"the standby pod {key} changes all the time")

    def _has(self, body: Body, job: Job) -> bool:
        """Whether the pod is the attempt's. It was claimed just now, or the answer to that was lost."""
        pod = parse_pod(body)
        if pod is None or pod.job_uid != job.uid:
            return False
        self._store.put_pod(pod)
        made_at = datetime.fromisoformat(body["metadata"]["creationTimestamp"])
        self._metrics.of_queue(pod.namespace, pod.queue).standby_claimed((pod.created_at - made_at).total_seconds())
        if self._writer.observer is not None:
            self._writer.observer.pod_created(pod)
        return True

    async def _move(self, standby: StandbyPod, job: Job, template: PodTemplate, assignment: Assignment) -> bool:
        """The compare-and-swap. False where it was refused, and the pod is to be read, or removed."""
        operations = claim_patch(standby, job, template, assignment, self._now())
        try:
            body = await self._writer.api.json_patch(PODS, standby.namespace, standby.name, operations)
        except ApiError as error:
            if error.status not in (400, 403, 404, 409, 422):
                raise
            if error.not_found or not await self._is_idle(standby):
                return False
            # A policy refuses the change, or somebody has changed the pod: no attempt can have it.
            self._pools.of(Key(standby.namespace, standby.queue)).refused(error.message, self._pools.clock())
            await self._writer.delete_standby(standby)
            return False
        return self._has(body, job)

    async def _is_idle(self, standby: StandbyPod) -> bool:
        body = await unless_missing(self._writer.api.get(PODS, standby.namespace, standby.name))
        found = None if body is None else parse_standby(body)
        return found is not None and found.uid == standby.uid and not found.deleting

    async def task_of(self, pod: Key, queue_uid: str) -> Assignment | None:
        """See `cache.waiting_standbys.Source`."""
        standby = self._store.standbys.get(pod)
        claim = self._store.standbys.claim_of(pod)
        if standby is None and claim is None:
            # The watch may be late.
            body = await unless_missing(self._writer.api.get(PODS, *pod))
            if body is None:
                raise Gone("there is no such pod")
            if (standby := parse_standby(body)) is not None:
                self._store.standbys.put(standby)
            elif (found := parse_pod(body)) is not None:
                self._store.put_pod(found)
                claim = Key(found.namespace, found.task), found.attempt
        if standby is not None:
            if standby.deleting or standby.queue_uid != queue_uid:
                raise Gone("the pod is being deleted, or is another queue's")
            return None
        if claim is None:
            raise Gone("the pod is no standby pod")
        return await self._claimed(pod, *claim)

    async def _claimed(self, pod: Key, task: Key, number: int) -> Assignment:
        """The assignment of the attempt that has claimed the pod, while it may still begin."""
        body = await self._writer.read_task(task)
        if body is not None and self._store.job(task, number) is None:
            await self._writer.read_job(task, AttemptId(task.name, body["metadata"]["uid"], number))
        snapshot = self._store.snapshot(task)
        if body is None or snapshot is None:
            raise Gone("the task is gone")
        found, job = snapshot.pods.get(number), snapshot.jobs.get(number)
        if found is None or found.name != pod.name or found.deleting or job is None or job.standby != pod.name:
            raise Gone("the attempt has another pod")
        attempt = open_attempt(snapshot.task.status)
        # Without a report it only counts as begun: the answer may not have reached the pod.
        unreported = snapshot.task.status.reason is Reason.NO_REPORT
        begun = attempt is not None and (
            (attempt.started_at is not None and not unreported) or attempt.reason is not None
        )
        over = snapshot.task.status.phase.is_terminal or snapshot.number != number or job.finished
        if over or begun or found.job_uid != job.uid or snapshot.cancelled(self._now()):
            raise Gone("the attempt has begun, or is over")
        try:
            return self._access.assignment(snapshot.task, number, body["spec"], snapshot.limits, pod.name)
        except InvalidPayload as error:
            raise Gone(str(error)) from error

    def arrived(self, pod: Key) -> None:
        """See `cache.waiting_standbys.Source`."""
        if self._store.standbys.claim_of(pod) is not None:
            # It was claimed while it was looked up.
            self._waiting.recheck(pod)
        elif (standby := self._store.standbys.get(pod)) is not None:
            queue = Key(standby.namespace, standby.queue)
            if (seconds := self._pools.of(queue).came(standby.name, self._pools.clock())) is not None:
                self._metrics.of_queue(*queue).standby_started(seconds)
            self._work.standby_changed(queue)

    def left(self, pod: Key) -> None:
        """See `cache.waiting_standbys.Source`."""
