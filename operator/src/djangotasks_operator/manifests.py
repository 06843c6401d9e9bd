"""The Job and the Pod of an attempt, from the queue's pod template. Pure."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from djangotasks_api.assignment import Assignment
from djangotasks_api.models import Attempt, DjangoTask, QueueSpec
from djangotasks_api.names import (
    API_VERSION,
    ATTEMPT_LABEL,
    CONTAINER_NAME,
    MANAGED_BY,
    QUEUE_LABEL,
    TASK_KIND,
    TASK_LABEL,
    TASK_UID_LABEL,
    job_name,
)
from djangotasks_operator.observed import DEFAULT_CONTAINER_ANNOTATION, HEARTBEAT_ANNOTATION, Job

Manifest = dict[str, Any]

# What a web server's container has and a task must not: it serves nothing, and is not kept alive.
DROPPED_FROM_CONTAINER = ("args", "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


class InvalidTemplate(ValueError):
    """The queue's pod template cannot run a task. The message says why."""


def pod_template(template: Mapping[str, Any], queue: QueueSpec) -> tuple[Manifest, str]:
    """The template as the attempt's Job has it, and the name of the container that runs the task.

    What the restricted Pod Security Standard asks for is filled in where the template is silent.
    """
    spec = deepcopy(template.get("spec"))
    if not isinstance(spec, dict) or not isinstance(spec.get("containers"), list) or not spec["containers"]:
        raise InvalidTemplate("the pod template has no spec.containers")
    if not all(isinstance(container, dict) for container in spec["containers"]):
        raise InvalidTemplate("every entry of the pod template's spec.containers must be an object")
    container = _main_container(spec["containers"], queue.container)
    for key in DROPPED_FROM_CONTAINER:
        container.pop(key, None)
    container["command"] = list(queue.command)
    container.setdefault("name", CONTAINER_NAME)
    # The end of the log is all there is to tell when a process dies without an outcome.
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    spec["restartPolicy"] = "Never"
    # A Deployment has its token for itself. Only a queue's own template may give one to tasks, in so many words.
    if queue.template is None or spec.get("automountServiceAccountToken") is None:
        spec["automountServiceAccountToken"] = False
    spec.pop("activeDeadlineSeconds", None)
    _restrict(spec)
    metadata = template.get("metadata") or {}
    # A Deployment's own labels would make the task's pod a backend of the web app's Service.
    labels = {} if queue.template is None else dict(metadata.get("labels") or {})
    annotations = dict(metadata.get("annotations") or {}) | {DEFAULT_CONTAINER_ANNOTATION: container["name"]}
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}, container["name"]


def job(task: DjangoTask, number: int, template: Manifest) -> Manifest:
    """The attempt's Job. Its Pod is not made from it by Kubernetes, but by this operator (managedBy)."""
    labels = _identity_labels(task, number)
    template = deepcopy(template)
    template["metadata"]["labels"] |= labels
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(task.metadata.name, number),
            "namespace": task.metadata.namespace,
            "labels": labels,
            "ownerReferences": [_owner(API_VERSION, TASK_KIND, task.metadata.name, task.metadata.uid)],
        },
        "spec": {
            "managedBy": MANAGED_BY,
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "template": template,
        },
    }


def pod(job: Job, template: Manifest, container_name: str, assignment: Assignment) -> Manifest:
    """The attempt's Pod: the Job's template and the assignment, under the Job's name and control."""
    spec = deepcopy(template["spec"])
    container = next(c for c in spec["containers"] if c.get("name") == container_name)
    container["env"] = [
        *container.get("env", ()),
        # The kubelet expands $(NAME) in values; $$ is how it writes a dollar.
        *({"name": name, "value": value.replace("$", "$$")} for name, value in assignment.to_environ().items()),
    ]
    annotations = dict(template["metadata"]["annotations"])
    if assignment.heartbeat_timeout is not None:
        annotations[HEARTBEAT_ANNOTATION] = f"{assignment.heartbeat_timeout:g}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": job.name,
            "namespace": job.namespace,
            "labels": job.pod_labels,
            "annotations": annotations,
            "ownerReferences": [_owner("batch/v1", "Job", job.name, job.uid)],
        },
        "spec": spec,
    }


def job_status(attempt: Attempt, started_at: datetime, now: datetime) -> Manifest:
    """The Job's final status, as the API server's validation wants it from a controller."""
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
        "conditions": [
            _condition(type_, attempt.reason, attempt.message or "", when) for type_ in ("FailureTarget", "Failed")
        ],
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


def _main_container(containers: list[Any], name: str | None) -> Manifest:
    if name is None:
        main: Manifest = containers[0]
        return main
    for container in containers:
        if container.get("name") == name:
            found: Manifest = container
            return found
    names = ", ".join(str(container.get("name")) for container in containers)
    raise InvalidTemplate(f"the pod template has no container {name!r}; it has: {names}")


def _restrict(spec: Manifest) -> None:
    """The defaults of the restricted Pod Security Standard."""
    pod_context = spec["securityContext"] = dict(spec.get("securityContext") or {})
    pod_context.setdefault("runAsNonRoot", True)
    pod_context.setdefault("seccompProfile", {"type": "RuntimeDefault"})
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        context = container["securityContext"] = dict(container.get("securityContext") or {})
        context.setdefault("allowPrivilegeEscalation", False)
        context.setdefault("capabilities", {"drop": ["ALL"]})


def _identity_labels(task: DjangoTask, number: int) -> dict[str, str]:
    return {
        TASK_LABEL: task.metadata.name,
        TASK_UID_LABEL: task.metadata.uid,
        QUEUE_LABEL: task.spec.queue,
        ATTEMPT_LABEL: str(number),
        "app.kubernetes.io/managed-by": "djangotasks",
    }


def _owner(api_version: str, kind: str, name: str, uid: str) -> Manifest:
    # No blockOwnerDeletion: it would need the right to set finalizers, and holds deletion up for nothing.
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": True}
