"""Starts an attempt: its Job, and the Job's one Pod. Or asks the API server whether it would take them."""

import time
from copy import deepcopy

from djangotasks_api.assignment import Assignment
from djangotasks_api.models import DjangoTask, DjangoTaskQueue, TaskSpec
from djangotasks_api.models.base import Metadata
from djangotasks_api.names import PAYLOAD_MAX_BYTES, job_name
from djangotasks_api.phases import Reason
from djangotasks_api.stored import TextRef
from djangotasks_operator import manifests
from djangotasks_operator.api import DEPLOYMENTS, JOBS, PODS, ApiError, Object
from djangotasks_operator.cluster import Cluster
from djangotasks_operator.observed import parse_job
from djangotasks_operator.overrides import apply
from djangotasks_operator.policy import Limits, resolve
from djangotasks_operator.snapshot import Snapshot
from djangotasks_operator.store import Key
from djangotasks_operator.tokens import sign

# How long a Deployment that queues follow is taken as read: tasks that start together ask once.
DEPLOYMENT_FRESH_SECONDS = 1.0
# The name and the uid of the task that is none, and always the same: refusals quote names.
REHEARSAL = "djangotasks-rehearsal"
# The API server's words where a webhook may do something that cannot be undone.
NO_DRY_RUN = "does not support dry run"

# A pod template as an attempt's Job has it, and the name of the container that runs the task.
Template = tuple[manifests.Manifest, str]


class NotYet(Exception):
    """The attempt cannot start now, and may later: the task goes on waiting."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Refused(NotYet):
    """The attempt will never start."""


class Starter:
    """`report_url`: where task pods send their outcomes. `key`: what their tokens are signed with."""

    def __init__(self, cluster: Cluster, report_url: str, key: bytes) -> None:
        self._cluster = cluster
        self._report_url = report_url
        self._key = key
        self._deployments: dict[Key, tuple[float, Object]] = {}

    async def start(self, snapshot: Snapshot, number: int) -> None:
        """Creates the Job and the Pod, or whichever is missing. Raises NotYet or Refused, with the reason."""
        key = Key(snapshot.task.metadata.namespace, snapshot.task.metadata.name)
        body = await self._cluster.refresh(key)
        fresh = self._cluster.store.snapshot(key, admitted=True)
        if (
            body is None
            or fresh is None
            or fresh.task.metadata.resource_version != (snapshot.task.metadata.resource_version)
        ):
            return  # It changed: decide again.
        if fresh.queue is None:
            raise NotYet(Reason.QUEUE_NOT_FOUND, f"The queue {fresh.task.spec.queue!r} was deleted.")
        template, container = await self.template(fresh.queue)
        apply(fresh.task.spec, fresh.queue, fresh.limits, template, container)
        assignment = self._assignment(fresh.task, number, body["spec"].get("payload", ""), fresh.limits)
        try:
            job = await self._cluster.create_job(manifests.job(fresh.task, number, template), fresh.task.metadata.uid)
            if job is None:
                raise NotYet(Reason.JOB_NAME_TAKEN, "The Job of this name has ended, or is being deleted.")
            if await self._cluster.create_pod(manifests.pod(job, template, container, assignment), job) is None:
                raise NotYet(Reason.JOB_NAME_TAKEN, f"Another pod is called {job.name}.")
        except ApiError as error:
            raise _refusal(error) from error

    async def template(self, queue: DjangoTaskQueue) -> Template:
        """What the queue's pods are made from now. Raises NotYet."""
        spec = queue.spec
        if spec.pod_template_from is not None:
            deployment = await self._deployment(Key(queue.metadata.namespace, spec.pod_template_from.deployment))
            source = deployment["spec"]["template"]
        else:
            source = spec.template or {}
        try:
            return manifests.pod_template(source, spec)
        except manifests.InvalidTemplate as error:
            raise NotYet(Reason.INVALID_TEMPLATE, f"The queue {queue.metadata.name!r}: {error}.") from error

    async def rehearse(self, queue: DjangoTaskQueue, template: Template) -> None:
        """Asks for the Job and the Pod of a task without wishes of its own, as a dry run: all checks are made, and
        nothing is stored. Raises what `start` would."""
        manifest, container = deepcopy(template)
        metadata = Metadata(name=REHEARSAL, namespace=queue.metadata.namespace, uid=REHEARSAL)
        task, limits = (
            DjangoTask(metadata=metadata, spec=TaskSpec(task="a.b", queue=queue.metadata.name)),
            resolve(None, queue),
        )
        apply(task.spec, queue, limits, manifest, container)
        assignment = self._assignment(task, 1, task.spec.payload, limits)
        api, namespace = self._cluster.api, metadata.namespace
        try:
            body = await api.create(JOBS, namespace, manifests.job(task, 1, manifest), dry_run=True)
            body["metadata"]["resourceVersion"] = "0"  # What is not stored has none.
            if (job := parse_job(body)) is not None:
                pod = manifests.pod(job, manifest, container, assignment)
                await api.create(PODS, namespace, pod, dry_run=True)
        except ApiError as error:
            if not (error.already_exists or NO_DRY_RUN in error.message):
                raise _refusal(error) from error

    async def _deployment(self, key: Key) -> Object:
        read_at, body = self._deployments.get(key, (0.0, {}))
        if not body or time.monotonic() - read_at > DEPLOYMENT_FRESH_SECONDS:
            try:
                body = await self._cluster.api.get(DEPLOYMENTS, *key)
            except ApiError as error:
                if not error.not_found:
                    raise
                message = f"The queue follows the Deployment {key.name!r}, and there is none in {key.namespace!r}."
                raise NotYet(Reason.DEPLOYMENT_NOT_FOUND, message) from error
            self._deployments[key] = time.monotonic(), body
        return body

    def _assignment(self, task: DjangoTask, number: int, payload: str, limits: Limits) -> Assignment:
        metadata, spec, status = task.metadata, task.spec, task.status
        enqueued_at = spec.enqueued_at or metadata.creation_timestamp
        ref = None
        if spec.payload_ref is not None:
            # It has no payload beside the CRD's default, which must not be taken for the arguments.
            payload = ""
            try:
                ref = TextRef.from_data(spec.payload_ref.model_dump())
            except ValueError as error:
                raise Refused(Reason.INVALID_PAYLOAD, f"payloadRef: {error}.") from None
        if len(payload.encode()) > PAYLOAD_MAX_BYTES:
            message = f"The payload has more than {PAYLOAD_MAX_BYTES} bytes: it does not fit into a pod's environment."
            raise Refused(Reason.INVALID_PAYLOAD, message)
        return Assignment(
            id=metadata.name,
            namespace=metadata.namespace,
            uid=metadata.uid,
            attempt=number,
            worker_id=job_name(metadata.name, number),
            task=spec.task,
            queue=spec.queue,
            backend=spec.backend,
            priority=spec.priority,
            enqueued_at=enqueued_at.isoformat() if enqueued_at else "",
            run_after=spec.run_after.isoformat() if spec.run_after else None,
            worker_ids=tuple(attempt.pod for attempt in status.attempts if attempt.number < number),
            started_at=status.started_at.isoformat() if status.started_at else None,
            url=self._report_url,
            token=sign(self._key, metadata.namespace, metadata.uid, number),
            payload=payload,
            retry_on=limits.retry_on,
            never_retry_on=limits.never_retry_on,
            heartbeat_timeout=limits.heartbeat_timeout.total_seconds() if limits.heartbeat_timeout else None,
            payload_encoding=spec.payload_encoding,
            payload_ref=ref,
        )


def _refusal(error: ApiError) -> Exception:
    """What an API server's refusal of a Job or a Pod means for the task."""
    match error.status:
        case 403 if "exceeded quota" in error.message:
            return NotYet(Reason.QUOTA_EXCEEDED, error.message)
        case 403 if "error looking up service account" in error.message:
            # Of a new namespace, even the default one is there only after a moment.
            return NotYet(Reason.INVALID_TEMPLATE, error.message)
        case 403 if "cannot create resource" not in error.message:  # else our own rights are missing
            return Refused(Reason.POD_REFUSED, error.message)
        case 400 | 422:
            return NotYet(Reason.INVALID_TEMPLATE, error.message)
        case _:
            return error
