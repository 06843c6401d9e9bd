"""The bodies of the operator's four writes for a task, with gaps for what differs from task to task. Pure.

The operator's own functions make them, once, so that the client without logic sends what the operator would.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from djangotasks_api.models import DjangoTask, QueueSpec, TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_operator.cache.patches import status_patch
from djangotasks_operator.pods import manifests
from djangotasks_operator.pods.assignment import make_assignment
from djangotasks_operator.pods.parsing import parse_job
from djangotasks_operator.pods.template import pod_template
from djangotasks_operator.pods.views import CREATED_AT_ANNOTATION
from djangotasks_operator.scheduling.limits import Limits
from djangotasks_operator.status import endings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NAME, UID, JOB_UID, VERSION = "name-of-the-task", "uid-of-the-task", "uid-of-the-job", "version-of-it"


@dataclass(frozen=True, slots=True)
class Bodies:
    """JSON."""

    job_text: str
    pod_text: str
    task_status_text: str
    job_status_text: str

    @classmethod
    def of(cls, task: Mapping[str, Any], queue: Mapping[str, Any], namespace: str, now: datetime) -> Self:
        """For tasks that differ in their names alone."""
        metadata = {"name": NAME, "uid": UID, "namespace": namespace, "creationTimestamp": now.isoformat()}
        parsed = DjangoTask.model_validate({**task, "metadata": metadata})
        template, container, _ = pod_template(queue["spec"]["template"], QueueSpec.model_validate(queue["spec"]))
        job_body = manifests.job(parsed, 1, template)
        stored = {**job_body, "metadata": job_body["metadata"] | {"uid": JOB_UID, "resourceVersion": VERSION}}
        job = parse_job(stored)
        assert job is not None
        assignment = make_assignment(
            parsed, 1, task["spec"]["payload"], Limits(), url="http://192.0.2.1:8080", token="0" * 64
        )
        pod_body = manifests.pod(job, template, container, assignment)
        pod_body["metadata"]["annotations"] = {
            **pod_body["metadata"]["annotations"],
            CREATED_AT_ANNOTATION: now.isoformat(),
        }
        outcome = Outcome(started_at=now.isoformat(), finished_at=now.isoformat(), result="3")
        status = endings.with_outcome(NAME, TaskStatus(), outcome, Limits(), now, unreported="As fake pods do.")
        (attempt,) = status.attempts
        placed = attempt.model_copy(update={"image": "fake", "node": "kwok-node-0"})
        status = status.model_copy(update={"attempts": [placed]})
        version = {"metadata": {"resourceVersion": VERSION}}
        return cls(
            json.dumps(job_body),
            json.dumps(pod_body),
            json.dumps(version | {"status": status_patch(TaskStatus(), status)}),
            json.dumps(version | {"status": manifests.job_status(attempt, "", now, now)}),
        )

    def job(self, name: str, uid: str) -> bytes:
        return self.job_text.replace(NAME, name).replace(UID, uid).encode()

    def pod(self, name: str, uid: str, job_uid: str) -> bytes:
        return self.pod_text.replace(NAME, name).replace(UID, uid).replace(JOB_UID, job_uid).encode()

    def task_status(self, name: str, version: str) -> bytes:
        return self.task_status_text.replace(NAME, name).replace(VERSION, version).encode()

    def job_status(self, version: str) -> bytes:
        return self.job_status_text.replace(VERSION, version).encode()
