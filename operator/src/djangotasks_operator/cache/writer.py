"""Write through the API client, so that the store has the answer of every read and write at once."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, LogTail, QueueStatus, TaskStatus
from djangotasks_api.names import LOG_GONE, job_name
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.kinds import QUEUES, TASK_SOURCE, TASKS
from djangotasks_operator.cache.parsing import is_readable, parse_queue, parse_task
from djangotasks_operator.cache.patches import difference, status_patch
from djangotasks_operator.cache.report_intake import ReportIntake
from djangotasks_operator.cache.store import Store
from djangotasks_operator.decide.snapshot import DeletedFor
from djangotasks_operator.pods.parsing import controller_uid, parse_job, parse_pod
from djangotasks_operator.pods.standby import StandbyPod
from djangotasks_operator.pods.views import CREATED_AT_ANNOTATION, AttemptId, Body, Job, Pod
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import REQUEST_ERRORS, ApiError, unless_missing
from djangotasks_operator.runtime.resources import JOBS, PODS, Object
from djangotasks_operator.workflows.views import Workflow


class Observer(Protocol):
    """Called after each write that succeeded. Takes no time, and raises nothing."""

    def transition(self, task: DjangoTask, status: TaskStatus) -> None:
        """A status was written. `task`: as it was before."""

    def pod_created(self, pod: Pod) -> None:
        """A Pod was created, not found."""

    def workflow_transition(self, workflow: Workflow, phase: WorkflowPhase, reason: str | None) -> None:
        """A workflow's phase, or its reason, was written. `workflow`: as it was before."""

    def deleted(self, task: DjangoTask, why: DeletedFor) -> None:
        """A finished task was deleted."""


class TaskWriter:
    """Reads and writes of tasks, queues, Jobs and Pods.

    Methods raise what the client raises: ApiError, OSError, TimeoutError.
    """

    def __init__(
        self,
        api: Api,
        store: Store,
        intake: ReportIntake | None = None,
        observer: Observer | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`intake`: interrupted when a status cannot be stored, since reports cannot either."""
        self.api = api
        self.store = store
        self._intake = intake or ReportIntake()
        self.observer = observer
        self._now = now

    async def read_task(self, key: Key) -> Body | None:
        """Read the task. Returns its whole body, or None if it is gone."""
        # Before the request: when the answer comes, there may be another of the same name, which is not gone.
        known = self.store.task(key)
        body = await unless_missing(self.api.get(TASKS, *key))
        if body is None:
            if known is not None:
                self.store.drop_task(known)
            return None
        # Right before a start it is what the cache has: not worth the CPU to parse.
        if TASK_SOURCE.is_newer(self.store, body):
            self.store.put_task(*parse_task(body))
        return body

    async def write_status(self, task: DjangoTask, status: TaskStatus) -> None:
        """Write what differs from the task's status. Raises ApiError (`stale_or_gone`) when the task has changed."""
        metadata = task.metadata
        status = await self._with_place(task, status)
        patch = status_patch(task.status, status)
        if self.store.is_invalid(Key.of(metadata)):
            stored = (await self.api.get(TASKS, metadata.namespace, metadata.name)).get("status") or {}
            if not is_readable(stored):
                # What of it is wrong is not known, and must not stay.
                patch = dict.fromkeys(stored) | patch
        try:
            body = await self.api.patch_status(
                TASKS, metadata.namespace, metadata.name, metadata.resource_version, patch
            )
        except REQUEST_ERRORS as error:
            if not isinstance(error, ApiError):
                self._intake.interrupted(self._now())
            elif not (error.stale_or_gone or error.invalid):
                # A right that was taken away, a policy or a webhook is often of one namespace.
                refused = error.status == 403 or error.of_admission
                self._intake.interrupted(self._now(), metadata.namespace if refused else None)
            raise
        self.store.put_task(*parse_task(body))
        if self.observer is not None:
            self.observer.transition(task, status)

    async def write_status_or_read(self, task: DjangoTask, status: TaskStatus) -> bool:
        """Write the status. False where the task had changed, and was read instead."""
        try:
            await self.write_status(task, status)
        except ApiError as error:
            if not error.stale_or_gone:
                raise
            await self.read_task(Key.of(task.metadata))
            return False
        return True

    async def write_log_tail(self, task: DjangoTask, tail: LogTail) -> None:
        """Write the end of a log, and nothing else. Raises ApiError (`stale_or_gone`) when the task has changed."""
        metadata = task.metadata
        patch = {"logTail": tail.model_dump(mode="json", by_alias=True)}
        body = await self.api.patch_status(TASKS, metadata.namespace, metadata.name, metadata.resource_version, patch)
        self.store.put_task(*parse_task(body))

    async def read_log(self, pod: Pod) -> bytes:
        """Read the end of the log of the container that runs the task. Raises ApiError (404) where it was removed."""
        end = await self.api.log_end(pod.namespace, pod.name, pod.container)
        if end.startswith(LOG_GONE.encode()) and b"\n" not in end:
            raise ApiError(404, {"reason": "NotFound", "message": end.decode(errors="replace")})
        return end

    async def read_events(self, pod: Pod) -> Sequence[Object]:
        """Read the first Events about the pod."""
        return await self.api.events_about(pod.namespace, pod.uid)

    async def read_queue(self, key: Key) -> DjangoTaskQueue | None:
        """Read a queue that is not cached. None where there is none that can be parsed."""
        body = await unless_missing(self.api.get(QUEUES, *key))
        return None if body is None else parse_queue(body)

    async def write_queue_status(self, queue: DjangoTaskQueue, status: QueueStatus) -> None:
        """Write what differs from the queue's status. Raises ApiError (`stale_or_gone`) when the queue has changed."""
        metadata = queue.metadata
        # The counts are always in it: a reader has no default for them.
        counts = {"queued": status.queued, "running": status.running}
        change = difference(queue.status, status) | counts
        body = await self.api.patch_status(QUEUES, metadata.namespace, metadata.name, metadata.resource_version, change)
        if (fresh := parse_queue(body)) is not None:
            self.store.put_queue(fresh)

    async def create_job(self, manifest: Object, task_uid: str) -> Job | None:
        """Create the Job, or take the one that exists. None while an earlier task's Job has the name, and where the
        attempt has ended already."""
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        try:
            body = await self.api.create(JOBS, namespace, manifest)
        except ApiError as error:
            if not error.already_exists:
                raise
            body = await self.api.get(JOBS, namespace, name)
        job = parse_job(body)
        if job is None or job.task_uid != task_uid or job.deleting:
            return None
        self.store.put_job(job)
        # A finished one means that another leader has ended this attempt: a Pod now would be its second run.
        return None if job.finished else job

    async def create_pod(self, manifest: Object, job: Job) -> Pod | None:
        """Create the Pod, or take the one that exists. None while another Job's Pod has the name."""
        # The server's own timestamp is in whole seconds, and most pods start within one.
        stamp = {CREATED_AT_ANNOTATION: self._now().isoformat()}
        annotations = {**(manifest["metadata"].get("annotations") or {}), **stamp}
        manifest = {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
        created = True
        try:
            body = await self.api.create(PODS, job.namespace, manifest)
        except ApiError as error:
            if not error.already_exists:
                raise
            created = False
            body = await self.api.get(PODS, job.namespace, job.name)
        # Where the Job owns it, it runs the task, with or without its labels.
        owned = controller_uid(body["metadata"]) == job.uid
        pod = parse_pod(body, job.id if owned else None)
        if pod is None or pod.job_uid != job.uid:
            return None
        self.store.put_pod(pod)
        if created and self.observer is not None:
            self.observer.pod_created(pod)
        return pod

    async def read_pod(self, key: Key, attempt: AttemptId) -> Pod | None:
        """Read an attempt's Pod, whatever the watch says of it. None where there is none."""
        job, known = self.store.job(key, attempt.number), self.store.pod(key, attempt.number)
        names = [job_name(attempt.task, attempt.number)]
        names += [] if job is None or job.standby is None else [job.standby]
        names += [] if known is None else [known.name]
        for name in dict.fromkeys(names):
            asked_at = self.store.deletions()
            body = await unless_missing(self.api.get(PODS, key.namespace, name))
            if body is None:
                continue
            # Without its labels it is the attempt's Pod all the same, where the attempt's Job owns it.
            owned = job is not None and controller_uid(body["metadata"]) == job.uid
            pod = parse_pod(body, attempt if owned else None)
            if pod is None or (pod.standby and (pod.task, pod.task_uid, pod.attempt) != attempt):
                continue
            return pod if self.store.mark_found(pod, asked_at) else None
        return None

    async def finish_job(self, job: Job, status: dict[str, Any]) -> None:
        """Write the Job's final status. One that has changed is read instead."""
        try:
            body = await self.api.patch_status(JOBS, job.namespace, job.name, job.resource_version, status)
        except ApiError as error:
            if error.not_found:
                self.store.drop_job(job)
                return
            if not error.conflict:
                raise
            body = await self.api.get(JOBS, job.namespace, job.name)
        if (fresh := parse_job(body)) is not None:
            self.store.put_job(fresh)

    async def delete_pod(self, pod: Pod, grace: timedelta | None = None) -> bool:
        """Delete the Pod. False where it had changed, and was read instead: one that has ended is kept, for its log.
        `grace`: in place of its own grace period."""
        try:
            await self.api.delete(PODS, pod.namespace, pod.name, pod.uid, pod.resource_version, grace)
        except ApiError as error:
            if not error.conflict:
                raise
            if await self.read_pod(Key(pod.namespace, pod.task), pod.id) is None:
                self.store.drop_pod(pod)
            return False
        return True

    async def delete_standby(self, pod: StandbyPod) -> bool:
        """Delete a standby pod that no task has claimed. False where it has changed meanwhile."""
        try:
            await self.api.delete(PODS, pod.namespace, pod.name, pod.uid, pod.resource_version)
        except ApiError as error:
            if not error.conflict:
                raise
            return False
        # Now, so that it is not chosen, or counted again, before the watch delivers the deletion.
        self.store.standbys.drop(pod)
        return True

    async def delete_task(self, task: DjangoTask, why: DeletedFor) -> None:
        """Delete a finished task."""
        await self.api.delete(TASKS, task.metadata.namespace, task.metadata.name, task.metadata.uid)
        # Now, so that it is not deleted again before the watch delivers the deletion.
        self.store.drop_task(task)
        if self.observer is not None:
            self.observer.deleted(task, why)

    async def _with_place(self, task: DjangoTask, status: TaskStatus) -> TaskStatus:
        """Add the name, the image, the node and the creation of the last attempt's Pod, if it was seen."""
        if not status.attempts:
            return status
        *before, last = status.attempts
        if None not in (last.image, last.node, last.created_at):
            return status
        key = Key.of(task.metadata)
        pod = self.store.pod(key, last.number)
        if pod is None and self._may_be_standby(task):
            # A report may be quicker than the watch, and the name of a standby pod is in no other place.
            pod = await self._read_claimed(key, AttemptId(key.name, task.metadata.uid, last.number))
        if pod is None or pod.task_uid != task.metadata.uid:
            name = self.store.standbys.last_of(task.metadata.uid, last.number) or last.pod
            return status.model_copy(update={"attempts": [*before, last.model_copy(update={"pod": name})]})
        place = {
            "pod": pod.name,
            "image": last.image or pod.image,
            "node": last.node or pod.node,
            "created_at": last.created_at or pod.created_at,
        }
        return status.model_copy(update={"attempts": [*before, last.model_copy(update=place)]})

    def _may_be_standby(self, task: DjangoTask) -> bool:
        queue = self.store.queue(Key(task.metadata.namespace, task.spec.queue))
        return queue is not None and queue.spec.standby is not None

    async def _read_claimed(self, key: Key, attempt: AttemptId) -> Pod | None:
        """Read the attempt's Job and its Pod."""
        if self.store.job(key, attempt.number) is None:
            await self.read_job(key, attempt)
        return await self.read_pod(key, attempt)

    async def read_job(self, key: Key, attempt: AttemptId) -> None:
        """Read an attempt's Job: the watch may be late."""
        name = job_name(attempt.task, attempt.number)
        body = await unless_missing(self.api.get(JOBS, key.namespace, name))
        if body is not None and (job := parse_job(body)) is not None and job.task_uid == attempt.uid:
            self.store.put_job(job)
