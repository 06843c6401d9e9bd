"""Make the Job and the Pod of an attempt from the pod template of its queue. Pure.

They share with the template what they do not change: they are made to be sent, and a copy costs more than the rest.
"""

from collections.abc import Mapping
from datetime import datetime

from djangotasks_api.assignment import Assignment
from djangotasks_api.models import Attempt, DjangoTask
from djangotasks_api.names import (
    API_VERSION,
    ATTEMPT_LABEL,
    EXCLUDE_FROM_BACKUP_LABEL,
    MANAGED_BY,
    POD_ANNOTATION,
    QUEUE_LABEL,
    TASK_KIND,
    TASK_LABEL,
    TASK_UID_LABEL,
    job_name,
)
from djangotasks_operator.pods.downward import escape
from djangotasks_operator.pods.fields import Manifest
from djangotasks_operator.pods.views import HEARTBEAT_ANNOTATION, RETRIES_LEFT_ANNOTATION, Job

# Kueue would suspend a Job with its labels, and hold the Pod as well.
KUEUE = "kueue.x-k8s.io/"


def job(
    task: DjangoTask, number: int, template: Manifest, ttl: int | None = None, *, standby: str | None = None
) -> Manifest:
    """Make the attempt's Job, with the labels of its Pod: policies may want them of all workloads. The Pod is created
    by this operator (managedBy), and not by Kubernetes.

    `ttl`: seconds after its end in which Kubernetes' own controller deletes it, and with it the Pod. `standby`: the
    name of the standby pod that it claims.
    """
    labels = template["metadata"]["labels"] | _identity_labels(task, number)
    metadata = template["metadata"] | {"labels": labels}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(task.metadata.name, number),
            "namespace": task.metadata.namespace,
            "labels": {key: value for key, value in labels.items() if not key.startswith(KUEUE)},
            "ownerReferences": [owner(API_VERSION, TASK_KIND, task.metadata.name, task.metadata.uid)],
        }
        | ({} if standby is None else {"annotations": {POD_ANNOTATION: standby}}),
        "spec": {
            "managedBy": MANAGED_BY,
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "template": template | {"metadata": metadata},
        }
        | ({} if ttl is None else {"ttlSecondsAfterFinished": ttl}),
    }


def pod(job: Job, template: Manifest, container_name: str, assignment: Assignment) -> Manifest:
    """Make the attempt's Pod: the Job's template and the assignment, with the Job's name, and controlled by it."""
    annotations = template["metadata"]["annotations"] | attempt_annotations(assignment)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": job.name,
            "namespace": job.namespace,
            "labels": job.pod_labels,
            "annotations": annotations,
            "ownerReferences": [owner("batch/v1", "Job", job.name, job.uid)],
        },
        "spec": with_env(template["spec"], container_name, assignment.to_environ()),
    }


def job_status(attempt: Attempt, message: str, started_at: datetime, now: datetime) -> Manifest:
    """Make the Job's final status, as the API server's validation wants it from a controller."""
    when = now.isoformat(timespec="seconds")
    start = min(started_at, now).isoformat(timespec="seconds")
    if attempt.reason is None:
        return {
            "startTime": start,
            "completionTime": when,
            "succeeded": 1,
            "conditions": [
                _condition(type_, "CompletionsReached", "The task succeeded.", when)
                for type_ in ("SuccessCriteriaMet", "Complete")
            ],
        }
    return {
        "startTime": start,
        "failed": 1,
        "conditions": [_condition(type_, attempt.reason, message, when) for type_ in ("FailureTarget", "Failed")],
    }


def _condition(type_: str, reason: str, message: str, when: str) -> Manifest:
    return {
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": when,
        "lastProbeTime": when,
    }


def _identity_labels(task: DjangoTask, number: int) -> dict[str, str]:
    return {
        TASK_LABEL: task.metadata.name,
        TASK_UID_LABEL: task.metadata.uid,
        QUEUE_LABEL: task.spec.queue,
        ATTEMPT_LABEL: str(number),
        "app.kubernetes.io/managed-by": "djangotasks",
        EXCLUDE_FROM_BACKUP_LABEL: "true",
    }


def with_env(spec: Manifest, container_name: str, variables: Mapping[str, str]) -> Manifest:
    """The pod's spec, with variables for the container that runs the task. Nothing is changed in place."""
    containers = list(spec["containers"])
    index = next(index for index, c in enumerate(containers) if c.get("name") == container_name)
    given = ({"name": name, "value": escape(value)} for name, value in variables.items())
    containers[index] = containers[index] | {"env": [*(containers[index].get("env") or ()), *given]}
    return spec | {"containers": containers}


def attempt_annotations(assignment: Assignment) -> dict[str, str]:
    """What the operator reads of the Pod later on, as the attempt knows it."""
    annotations = {}
    if assignment.heartbeat_timeout is not None:
        annotations[HEARTBEAT_ANNOTATION] = f"{assignment.heartbeat_timeout:g}"
    if assignment.retries_left is not None:
        annotations[RETRIES_LEFT_ANNOTATION] = str(assignment.retries_left)
    return annotations


def owner(api_version: str, kind: str, name: str, uid: str) -> Manifest:
    """A reference to the controller of an object."""
    # No blockOwnerDeletion: it would need the right to set finalizers, and holds deletion up for nothing.
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": True}
