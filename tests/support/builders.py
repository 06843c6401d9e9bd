"""Objects for tests, with what a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from djangotasks_api.models import Attempt, DjangoTask, DjangoTaskQueue, Policy, QueueSpec, TaskSpec, TaskStatus
from djangotasks_api.models.base import Metadata
from djangotasks_api.names import job_name
from djangotasks_api.outcome import Outcome
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.pods.views import Job, Pod, Terminated, Waiting

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAMESPACE = "shop"
UID = "uid-of-the-task"
# What signs the tokens of attempts.
KEY = b"the operator's key"


def at(seconds: float) -> datetime:
    """A time relative to NOW."""
    return NOW + timedelta(seconds=seconds)


def make_task(
    name: str = "receipt",
    *,
    uid: str = UID,
    version: int = 1,
    policy: Policy | None = None,
    deleting: bool = False,
    status: TaskStatus | None = None,
    **spec: Any,
) -> DjangoTask:
    return DjangoTask(
        metadata=Metadata(
            name=name,
            namespace=NAMESPACE,
            uid=uid,
            resource_version=str(version),
            creation_timestamp=at(-60),
            deletion_timestamp=NOW if deleting else None,
        ),
        spec=TaskSpec(task="shop.tasks.send_receipt", policy=policy, **spec),
        status=status or TaskStatus(),
    )


def make_queue(name: str = "default", **spec: Any) -> DjangoTaskQueue:
    template = {"spec": {"containers": [{"name": "task", "image": "shop:1"}]}}
    return DjangoTaskQueue(
        metadata=Metadata(name=name, namespace=NAMESPACE, uid=f"uid-of-{name}"),
        spec=QueueSpec(**({"template": template} | spec)),
    )


def make_attempt(number: int = 1, **fields: Any) -> Attempt:
    name = job_name("receipt", number)
    return Attempt(number=number, job=name, pod=name, **fields)


def make_job(number: int = 1, **fields: Any) -> Job:
    defaults: dict[str, Any] = {
        "name": job_name("receipt", number),
        "namespace": NAMESPACE,
        "uid": f"job-{number}",
        "resource_version": "1",
        "task": "receipt",
        "task_uid": UID,
        "attempt": number,
        "finished": False,
        "deleting": False,
        "pod_labels": {"job-name": job_name("receipt", number)},
    }
    return Job(**(defaults | fields))


def make_pod(number: int = 1, *, exit_code: int | None = None, **fields: Any) -> Pod:
    """`exit_code`: the container has ended with it. `deleting`: somebody has just deleted it."""
    if fields.pop("deleting", False):
        fields["deletes_by"] = at(30)
    defaults: dict[str, Any] = {
        "name": job_name("receipt", number),
        "namespace": NAMESPACE,
        "uid": f"pod-{number}",
        "resource_version": "1",
        "task": "receipt",
        "task_uid": UID,
        "attempt": number,
        "job_uid": f"job-{number}",
        "created_at": at(-1),
        "deletes_by": None,
        "phase": "Pending",
        "reason": "",
        "message": "",
        "waiting": None,
        "running_since": None,
        "terminated": None,
        "disruption": None,
        "unschedulable": None,
    }
    if exit_code is not None:
        defaults["terminated"] = make_terminated(exit_code)
        defaults["phase"] = "Succeeded" if exit_code == 0 else "Failed"
    elif fields.get("running_since") is not None:
        defaults["phase"] = "Running"
    if (since := fields.get("running_since")) is not None and since <= defaults["created_at"]:
        defaults["created_at"] = since - timedelta(seconds=1)
    return Pod(**(defaults | fields))


def make_terminated(exit_code: int = 1, **fields: Any) -> Terminated:
    defaults: dict[str, Any] = {"signal": 0, "reason": "Error", "message": "", "finished_at": at(-1)}
    return Terminated(exit_code=exit_code, **(defaults | fields))


def make_reported(outcome: Outcome, exit_code: int = 0, *, number: int = 1) -> Terminated:
    """A container that has left its outcome as its runner does."""
    token = sign(KEY, NAMESPACE, UID, number)
    return make_terminated(exit_code, message=outcome.to_termination_message(token))


def make_waiting(reason: str, message: str = "the kubelet's words") -> Waiting:
    return Waiting(reason=reason, message=message)


def make_snapshot(
    task: DjangoTask | None = None,
    *,
    jobs: tuple[Job, ...] = (),
    pods: tuple[Pod, ...] = (),
    queue: DjangoTaskQueue | str | None = "a queue",
    **fields: Any,
) -> Snapshot:
    fields = {"report_keys": (KEY,)} | fields
    return Snapshot(
        task=task or make_task(),
        queue=make_queue() if isinstance(queue, str) else queue,
        jobs={job.attempt: job for job in jobs},
        pods={pod.attempt: pod for pod in pods},
        **fields,
    )
