"""Start an attempt: create its Job, and the Job's one Pod. Or ask the API server whether it would accept them."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from copy import deepcopy

from djangotasks_api.assignment import Assignment
from djangotasks_api.models import DjangoTask, DjangoTaskQueue, TaskSpec
from djangotasks_api.models.base import Metadata
from djangotasks_api.phases import Reason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.controllers.assignments import ReportAccess
from djangotasks_operator.controllers.pod_templates import PodTemplates
from djangotasks_operator.controllers.standby_claims import StandbyClaims
from djangotasks_operator.controllers.start_results import (
    Blocked,
    Rejected,
    Stale,
    Started,
    StartResult,
    judges_the_task,
    refusal_of,
)
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.pods import manifests
from djangotasks_operator.pods.assignment import InvalidPayload
from djangotasks_operator.pods.overrides import apply
from djangotasks_operator.pods.parsing import parse_job
from djangotasks_operator.pods.template import PodTemplate
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.resources import JOBS, PODS
from djangotasks_operator.scheduling.limits import Limits, resolve

logger = logging.getLogger(__name__)

# Name and uid of the placeholder task of a dry run. Constant, because the API server's errors quote the name, and the
# stored message must not flap.
PLACEHOLDER = "djangotasks-dry-run"
# The refusals that may be the fault of one task alone: of what it asks for, or of its size.
MAYBE_THE_TASKS = frozenset({Reason.INVALID_TEMPLATE, Reason.POD_REFUSED})
# Tasks whose first refusal is remembered.
REFUSED_MAX = 4096
TAKEN = "The Job of this name has ended, is being deleted, or does not have the operator's labels."
UNLABELLED = (
    "A Job of the operator would be stored without its labels (djangotasks.dev/…), by which the operator finds it: "
    "look for a webhook or a policy that changes the labels of Jobs."
)
UNOWNED = (
    "was stored without its owner, and is left behind when its task is deleted: look for a webhook or a policy that "
    "changes the ownerReferences of Jobs"
)
# The API server's words where a webhook may do something that cannot be undone.
NO_DRY_RUN = "does not support dry run"


class AttemptStarter:
    def __init__(
        self,
        writer: TaskWriter,
        templates: PodTemplates,
        access: ReportAccess,
        standbys: StandbyClaims,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._templates = templates
        self._access = access
        self._standbys = standbys
        self._clock = clock
        # Since when each task has been refused, although a task of its queue would not be.
        self._refused: OrderedDict[str, float] = OrderedDict()

    async def start(self, snapshot: Snapshot, number: int) -> StartResult:
        """Create the Job and the Pod, or whichever is missing. Raises ApiError, OSError or TimeoutError where the API
        server's answer says nothing of the task."""
        key = Key.of(snapshot.task.metadata)
        body = await self._writer.read_task(key)
        fresh = self._writer.store.snapshot(key)
        if body is None or fresh is None or _version(fresh) != _version(snapshot):
            return Stale()
        task, queue, limits = fresh.task, fresh.queue, fresh.limits
        if queue is None:
            return Blocked(Reason.QUEUE_NOT_FOUND, f"The queue {task.spec.queue!r} was deleted.")
        template = await self._templates.of(queue)
        if isinstance(template, Blocked):
            return template
        apply(task.spec, queue, limits, template.manifest, template.container)
        try:
            assignment = self._access.assignment(task, number, body["spec"], limits)
        except InvalidPayload as error:
            return Rejected(Reason.INVALID_PAYLOAD, str(error))
        result = await self._create_or_judge(task, queue, number, template, assignment, limits)
        if isinstance(result, Rejected) and result.reason is Reason.INVALID_SPEC:
            # What refused it may have been mended before the dry run, which then says nothing of the task.
            result = await self._create_or_judge(task, queue, number, template, assignment, limits)
        return result

    async def _create_or_judge(
        self,
        task: DjangoTask,
        queue: DjangoTaskQueue,
        number: int,
        template: PodTemplate,
        assignment: Assignment,
        limits: Limits,
    ) -> Started | Blocked | Rejected:
        try:
            result = await self._create(task, queue, number, template, assignment)
        except ApiError as error:
            if (refusal := refusal_of(error)) is None:
                raise
            return await self._judge(refusal, task, queue, limits) if judges_the_task(error) else refusal
        self._refused.pop(task.metadata.uid, None)
        return result

    async def _judge(
        self, refusal: Blocked, task: DjangoTask, queue: DjangoTaskQueue, limits: Limits
    ) -> Blocked | Rejected:
        """Tell whose fault a refusal is. Where a task without wishes of its own would be refused as well, it is the
        queue's, or the cluster's, and passes. Else the task fails: at once where it asks for something, because only
        that can be it, and otherwise when it has been refused for its start timeout."""
        uid = task.metadata.uid
        if refusal.reason not in MAYBE_THE_TASKS or await self._refuses_all(queue):
            self._refused.pop(uid, None)
            return refusal
        if task.spec.overrides is not None:
            return Rejected(
                Reason.INVALID_SPEC, f"The API server refuses the pod with the task's overrides: {refusal.message}"
            )
        now = self._clock()
        since = self._refused.setdefault(uid, now)
        if len(self._refused) > REFUSED_MAX:
            self._refused.popitem(last=False)
        if now - since < limits.start_timeout.total_seconds():
            return refusal
        del self._refused[uid]
        return Rejected(refusal.reason, f"Other tasks of the queue can start, and this one cannot: {refusal.message}")

    async def _refuses_all(self, queue: DjangoTaskQueue) -> bool:
        """Whether a task without wishes of its own would be refused as well."""
        template = await self._templates.of(queue)
        return isinstance(template, Blocked) or await self.dry_run(queue, template) is not None

    async def dry_run(self, queue: DjangoTaskQueue, template: PodTemplate) -> Blocked | None:
        """Ask for the Job and the Pod of a task without overrides, as a dry run: all checks are made, and nothing is
        stored. Returns what `start` would where they are refused."""
        manifest, container, _ = deepcopy(template)
        namespace = queue.metadata.namespace
        metadata = Metadata(name=PLACEHOLDER, namespace=namespace, uid=PLACEHOLDER)
        try:
            task = DjangoTask(metadata=metadata, spec=TaskSpec(task="a.b", queue=queue.metadata.name))
        except ValueError:
            message = "No task can name this queue: a queue's name is a DNS label of at most 63 characters."
            return Blocked(Reason.INVALID_TEMPLATE, message)
        limits = resolve(None, queue)
        apply(task.spec, queue, limits, manifest, container)
        assignment = self._access.assignment(task, 1, {"payload": task.spec.payload}, limits)
        api = self._writer.api
        try:
            body = await api.create(JOBS, namespace, manifests.job(task, 1, manifest), dry_run=True)
            body["metadata"]["resourceVersion"] = "0"  # an object that is not stored has none
            if (job := parse_job(body)) is None:
                return Blocked(Reason.POD_REFUSED, UNLABELLED)
            pod = manifests.pod(job, manifest, container, assignment)
            await api.create(PODS, namespace, pod, dry_run=True)
        except ApiError as error:
            if error.already_exists or NO_DRY_RUN in error.message:
                return None
            if (refusal := refusal_of(error)) is None:
                raise
            return refusal
        return None

    async def _create(
        self, task: DjangoTask, queue: DjangoTaskQueue, number: int, template: PodTemplate, assignment: Assignment
    ) -> Started | Blocked:
        manifest, container, _ = template
        ttl = queue.spec.pod_ttl_seconds_after_finished
        with self._standbys.chosen(task, queue, template) as choice:
            body = manifests.job(task, number, manifest, ttl, standby=choice.pod)
            job = await self._writer.create_job(body, task.metadata.uid)
            if job is None:
                return Blocked(Reason.JOB_NAME_TAKEN, TAKEN)
            if not job.owned:
                logger.warning("the Job %s/%s %s", job.namespace, job.name, UNOWNED)
            # An earlier leader may have named another one.
            if job.standby is not None and await self._standbys.claim(job, queue, template, assignment):
                self._standbys.started(task, queue)
                return Started()
        if await self._writer.create_pod(manifests.pod(job, manifest, container, assignment), job) is None:
            return Blocked(Reason.JOB_NAME_TAKEN, f"Another pod is called {job.name}.")
        self._standbys.started(task, queue, "lost" if job.standby is not None else choice.missed)
        return Started()


def _version(snapshot: Snapshot) -> str:
    return snapshot.task.metadata.resource_version
