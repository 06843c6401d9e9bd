"""Make the standby pods of a queue, read them, and move one under the Job of an attempt. Pure."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import msgspec

from djangotasks_api.assignment import TOKEN_VARIABLE, Assignment
from djangotasks_api.models import DjangoTaskQueue
from djangotasks_api.names import (
    API_VERSION,
    EXCLUDE_FROM_BACKUP_LABEL,
    QUEUE_KIND,
    QUEUE_LABEL,
    STANDBY_LABEL,
    TASK_UID_LABEL,
)
from djangotasks_api.standby import NO_TASK_CODE, STANDBY_VARIABLE, StandbyAccess
from djangotasks_operator.pods.diagnosis import end_cause, start_problem
from djangotasks_operator.pods.downward import label_of_task
from djangotasks_operator.pods.fields import Manifest
from djangotasks_operator.pods.manifests import attempt_annotations, owner, with_env
from djangotasks_operator.pods.parsing import parse_as_attempt
from djangotasks_operator.pods.template import PodTemplate
from djangotasks_operator.pods.views import CREATED_AT_ANNOTATION, AttemptId, Body, Job, Terminated

# The cluster autoscaler may remove the node of a pod that waits, whatever the template says of one that works.
SAFE_TO_EVICT_ANNOTATION = "cluster-autoscaler.kubernetes.io/safe-to-evict"
# These keep a pod, and so its node: from Karpenter, and from the descheduler. One that waits has none of a template's.
KEEPING_ANNOTATIONS = frozenset(
    {
        "karpenter.sh/do-not-disrupt",
        "karpenter.sh/do-not-evict",
        "descheduler.alpha.kubernetes.io/prefer-no-eviction",
    }
)
# Kueue counts a pod from its creation on: a standby pod would hold the quota of a task.
KUEUE_LABEL = "kueue.x-k8s.io/queue-name"
# Of the name of a queue, in the names of its standby pods, which are DNS labels.
QUEUE_PART_MAX_CHARS = 52
# Counted up when standby pods of the operator before could not take what this one delivers.
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StandbyPod:
    """A standby pod that no task has claimed."""

    name: str
    namespace: str
    uid: str
    resource_version: str
    queue: str
    queue_uid: str
    hash: str
    """Of what it is made of."""
    created_at: datetime
    deleting: bool
    ended: bool
    """No task can run there any more."""
    terminated: Terminated | None
    """How the container that would run the task ended."""
    broken: str | None
    """Another container that has failed, and how. Nothing starts it again, and the task may need it."""
    problem: str | None
    """What keeps it from starting."""
    running: bool = False
    """That container runs."""
    cause: str | None = None
    """Why the pod has ended, where that container is not why: it never started, or the node ended the pod."""


def template_hash(queue: DjangoTaskQueue, template: PodTemplate, url: str) -> str:
    """The hash of what a standby pod of the queue is made of. `template`: as a task without overrides has it."""
    preload = queue.spec.standby.preload if queue.spec.standby else []
    made_of = [FORMAT, template.manifest, template.container, preload, url]
    return blake2b(msgspec.json.encode(made_of, order="sorted"), digest_size=8).hexdigest()


def why_none_may_wait(template: PodTemplate) -> str | None:
    """Why no pod of the template may be started before there is a task. None where it may."""
    if KUEUE_LABEL in template.manifest["metadata"]["labels"]:
        return f"Kueue would count pods that wait: take {KUEUE_LABEL} out of the queue's template, or standby."
    if (label := label_of_task(template.manifest["spec"])) is not None:
        return (
            f"A pod that waits for its task has no label {label} yet: take what reads it (fieldRef) out of the queue's "
            "template, or standby."
        )
    return None


def standby_name(queue: str, suffix: str) -> str:
    """The name of a standby pod: a DNS label, as it is a host name as well."""
    return f"{queue[:QUEUE_PART_MAX_CHARS].rstrip('-')}-{suffix}"


def standby_pod(
    queue: DjangoTaskQueue, template: PodTemplate, hash_: str, access: StandbyAccess, token: str
) -> Manifest:
    """Make a standby pod: the pod of an attempt, with no task yet. It is the queue's, and goes with it."""
    manifest, container_name, _ = template
    annotations = {
        key: value for key, value in manifest["metadata"]["annotations"].items() if key not in KEEPING_ANNOTATIONS
    }
    labels = {
        QUEUE_LABEL: queue.metadata.name,
        STANDBY_LABEL: hash_,
        "app.kubernetes.io/managed-by": "djangotasks",
        EXCLUDE_FROM_BACKUP_LABEL: "true",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": access.pod,
            "namespace": access.namespace,
            "labels": manifest["metadata"]["labels"] | labels,
            "annotations": annotations | {SAFE_TO_EVICT_ANNOTATION: "true"},
            "ownerReferences": [owner(API_VERSION, QUEUE_KIND, queue.metadata.name, queue.metadata.uid)],
        },
        "spec": with_env(manifest["spec"], container_name, {STANDBY_VARIABLE: access.to_json(), TOKEN_VARIABLE: token}),
    }


def claim_patch(
    standby: StandbyPod, job: Job, template: PodTemplate, assignment: Assignment, now: datetime
) -> list[Manifest]:
    """The JSON Patch that makes the standby pod the attempt's, if it is nobody's yet and is not being deleted. Labels
    are only added: NetworkPolicies go by them, and would cut what is open. `now`: when the attempt begins."""
    annotations = attempt_annotations(assignment) | {CREATED_AT_ANNOTATION: now.isoformat()}
    for_a_task = template.manifest["metadata"]["annotations"]
    annotations |= {
        key: for_a_task[key] for key in (SAFE_TO_EVICT_ANNOTATION, *sorted(KEEPING_ANNOTATIONS)) if key in for_a_task
    }
    changes = [
        *(_add("labels", key, value) for key, value in job.pod_labels.items()),
        *(_add("annotations", key, value) for key, value in annotations.items()),
    ]
    if SAFE_TO_EVICT_ANNOTATION not in annotations:
        changes.append({"op": "remove", "path": _path("annotations", SAFE_TO_EVICT_ANNOTATION)})
    return [
        {"op": "test", "path": "/metadata/uid", "value": standby.uid},
        {"op": "test", "path": "/metadata/deletionTimestamp", "value": None},
        {"op": "test", "path": "/metadata/ownerReferences/0/uid", "value": standby.queue_uid},
        {"op": "replace", "path": "/metadata/ownerReferences", "value": [owner("batch/v1", "Job", job.name, job.uid)]},
        *changes,
    ]


def parse_standby(body: Body) -> StandbyPod | None:
    """Parse a standby pod that no task has claimed. None where it is not one."""
    metadata = body["metadata"]
    labels = metadata.get("labels") or {}
    hash_ = labels.get(STANDBY_LABEL)
    queue: Body = next((o for o in metadata.get("ownerReferences") or () if o.get("controller")), {})
    if not hash_ or TASK_UID_LABEL in labels or queue.get("kind") != QUEUE_KIND:
        return None
    pod = parse_as_attempt(body, AttemptId("", "", 0))
    problem, broken = start_problem(pod), _failed_sidecar(body, pod.container)
    return StandbyPod(
        name=pod.name,
        namespace=pod.namespace,
        uid=pod.uid,
        resource_version=pod.resource_version,
        queue=queue["name"],
        queue_uid=queue["uid"],
        hash=hash_,
        created_at=pod.created_at,
        deleting=pod.deleting,
        ended=pod.ended or broken is not None,
        terminated=pod.terminated,
        broken=broken,
        problem=None if problem is None else f"{problem.reason}: {problem.message}",
        running=pod.running_since is not None,
        cause=end_cause(pod).message
        if pod.ended and (pod.terminated is None or pod.disruption or pod.reason)
        else None,
    )


def why_ended(pod: StandbyPod) -> tuple[str, str]:
    """Why the pod has ended before there was a task: a reason and a message, for the queue's condition."""
    if (ended := pod.terminated) is None and pod.broken is not None:
        return "Failing", f"In a standby pod, a container beside the task's own has ended: {pod.broken}."
    if pod.cause is not None:
        return "Failing", f"A standby pod ended. {pod.cause}"
    if ended is None:
        return "Failing", "A standby pod ended before its container had started."
    tail = f" The end of its log:\n{ended.message}" if ended.message else ""
    if ended.exit_code == NO_TASK_CODE:
        message = "The image's django-tasks-kubernetes does not know standby pods: upgrade it in the image."
        return "Unsupported", message + tail
    reason = f" ({ended.reason})" if ended.reason else ""
    return "Failing", f"A standby pod ended with exit code {ended.exit_code}{reason}.{tail}"


def _failed_sidecar(body: Body, main: str) -> str | None:
    """A container beside the task's own that has failed, which restartPolicy Never leaves like that."""
    for status in (body.get("status") or {}).get("containerStatuses") or ():
        terminated = (status.get("state") or {}).get("terminated") or {}
        if status.get("name") != main and terminated.get("exitCode"):
            return f"{status.get('name')}, with exit code {terminated['exitCode']}"
    return None


def _add(field: str, key: str, value: str) -> Manifest:
    return {"op": "add", "path": _path(field, key), "value": value}


def _path(field: str, key: str) -> str:
    """A key of the metadata as a JSON pointer (RFC 6901)."""
    return f"/metadata/{field}/{key.replace('~', '~0').replace('/', '~1')}"
