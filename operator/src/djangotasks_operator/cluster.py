"""Reads and writes in the operator's own terms: parsed objects in the store, differences as patches."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, LogTail, QueueStatus, TaskStatus
from djangotasks_api.models.base import Model
from djangotasks_operator.api import JOBS, PODS, QUEUES, TASKS, Api, ApiError
from djangotasks_operator.kinds import parse_queue
from djangotasks_operator.observed import CREATED_AT_ANNOTATION, Job, Pod, parse_job, parse_pod
from djangotasks_operator.store import Key, Store, parse_task
from djangotasks_operator.witness import Witness


class Cluster:
    """The API server, with the store kept up to date by every answer. `witness`: is told of what was written."""

    def __init__(self, api: Api, store: Store, witness: Witness | None = None) -> None:
        self.api = api
        self.store = store
        self._witness = witness

    async def refresh(self, key: Key) -> Mapping[str, Any] | None:
        """Reads the task anew: its whole body, or None if it is gone."""
        # Before the request: when the answer comes, there may be another of the same name, which is not gone.
        known = self.store.task(key)
        try:
            body = await self.api.get(TASKS, *key)
        except ApiError as error:
            if not error.not_found:
                raise
            if known is not None:
                self.store.drop_task(known)
            return None
        self.store.put_task(*parse_task(body))
        return body

    async def write_status(self, task: DjangoTask, status: TaskStatus) -> None:
        """Raises ApiError (conflict) when the task has changed since it was seen."""
        metadata = task.metadata
        status = self._with_image(task, status)
        body = await self.api.patch_status(
            TASKS, metadata.namespace, metadata.name, metadata.resource_version, status_patch(task.status, status)
        )
        self.store.put_task(*parse_task(body))
        if self._witness is not None:
            self._witness.transition(task, status)

    async def keep_tail(self, task: DjangoTask, tail: LogTail) -> None:
        """Writes the end of a log, and nothing else. Raises ApiError (conflict) as write_status() does."""
        metadata = task.metadata
        patch = {"logTail": tail.model_dump(mode="json", by_alias=True)}
        body = await self.api.patch_status(TASKS, metadata.namespace, metadata.name, metadata.resource_version, patch)
        self.store.put_task(*parse_task(body))

    async def read_log(self, pod: Pod) -> bytes:
        """The end of the log of the container that runs the task."""
        return await self.api.log_end(pod.namespace, pod.name, pod.container)

    async def write_queue_status(self, queue: DjangoTaskQueue, status: QueueStatus) -> None:
        """Raises ApiError (conflict) when the queue has changed since it was seen."""
        metadata = queue.metadata
        # The counts are always in it: a reader has no default for them.
        counts = {"queued": status.queued, "running": status.running}
        change = _difference(queue.status, status) | counts
        body = await self.api.patch_status(QUEUES, metadata.namespace, metadata.name, metadata.resource_version, change)
        if (fresh := parse_queue(body)) is not None:
            self.store.put_queue(fresh)

    def _with_image(self, task: DjangoTask, status: TaskStatus) -> TaskStatus:
        """The last attempt with the image that its Pod names, if the Pod was seen."""
        if not status.attempts or status.attempts[-1].image is not None:
            return status
        *before, last = status.attempts
        pod = self.store.pod(Key(task.metadata.namespace, task.metadata.name), last.number)
        if pod is None or pod.image is None or pod.task_uid != task.metadata.uid:
            return status
        return status.model_copy(update={"attempts": [*before, last.model_copy(update={"image": pod.image})]})

    async def create_job(self, manifest: dict[str, Any], task_uid: str) -> Job | None:
        """The Job, made now or before. None while the name is taken by an earlier task of the same name, and where the
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
        # A finished one means that somebody else has ended this attempt: a Pod now would be its second run.
        return None if job.finished else job

    async def create_pod(self, manifest: dict[str, Any], job: Job) -> Pod | None:
        """The Pod, made now or before. None while the name is taken by another Job's Pod."""
        # The server notes the second only, and most pods start within one.
        now = datetime.now(UTC).isoformat()
        annotations = {**(manifest["metadata"].get("annotations") or {}), CREATED_AT_ANNOTATION: now}
        manifest = {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
        created = True
        try:
            body = await self.api.create(PODS, job.namespace, manifest)
        except ApiError as error:
            if not error.already_exists:
                raise
            created = False
            body = await self.api.get(PODS, job.namespace, job.name)
        pod = parse_pod(body)
        if pod is None or pod.job_uid != job.uid:
            return None
        self.store.put_pod(pod)
        if created and self._witness is not None:
            self._witness.pod_created(pod)
        return pod

    async def find_pod(self, key: Key, name: str) -> Pod | None:
        """Looks for a Pod that no event has told of."""
        try:
            pod = parse_pod(await self.api.get(PODS, key.namespace, name))
        except ApiError as error:
            if not error.not_found:
                raise
            return None
        if pod is not None:
            self.store.put_pod(pod)
        return pod

    async def finish_job(self, job: Job, status: dict[str, Any]) -> None:
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

    async def delete_pod(self, pod: Pod) -> bool:
        """False where it was not as it had been seen, and was read anew instead: a Pod that has ended meanwhile is
        kept, for its log."""
        try:
            await self.api.delete(PODS, pod.namespace, pod.name, pod.uid, pod.resource_version)
        except ApiError as error:
            if not error.conflict:
                raise
            if await self.find_pod(Key(pod.namespace, pod.task), pod.name) is None:
                self.store.drop_pod(pod)
            return False
        return True

    async def delete_task(self, task: DjangoTask, *, surplus: bool) -> None:
        """`surplus`: it goes before its time, since the queue has too many."""
        await self.api.delete(TASKS, task.metadata.namespace, task.metadata.name, task.metadata.uid)
        # Not to be deleted once more before the watch tells of it.
        self.store.drop_task(task)
        if self._witness is not None:
            self._witness.deleted(task, surplus=surplus)


def status_patch(old: TaskStatus, new: TaskStatus) -> dict[str, Any]:
    """The merge patch that turns one status into the other."""
    # The phase is always in it: the server's own default for it is no stored value.
    return {"phase": new.phase.value} | _difference(old, new)


def _difference(old: Model, new: Model) -> dict[str, Any]:
    """What changed, and null for what went away."""
    before, after = (model.model_dump(mode="json", by_alias=True, exclude_none=True) for model in (old, new))
    changed = {key: _replacing(before.get(key), value) for key, value in after.items() if before.get(key) != value}
    return {**changed, **{key: None for key in before if key not in after}}


def _replacing(old: Any, new: Any) -> Any:
    """A merge patch goes into objects: what the new one does not have must be named."""
    if isinstance(old, dict) and isinstance(new, dict):
        return dict.fromkeys(old) | new
    return new
