"""The pod template of a queue's tasks: the queue's own, or what it takes from a Deployment. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from djangotasks_api.models import QueueSpec
from djangotasks_api.names import CONTAINER_NAME
from djangotasks_operator.pods.downward import check_references
from djangotasks_operator.pods.fields import (
    LEFT_OUT,
    InvalidTemplate,
    Manifest,
    containers,
    copy,
    mapping,
    objects,
    texts,
)
from djangotasks_operator.pods.follow import follow
from djangotasks_operator.pods.security import restrict
from djangotasks_operator.pods.views import DEFAULT_CONTAINER_ANNOTATION

# Where the runner writes the outcome, for when the operator cannot be reached.
TERMINATION_MESSAGE_PATH = "/dev/termination-log"
OS_LABEL = "kubernetes.io/os"
# An action of a container's restartPolicyRules, from Kubernetes 1.35 on.
RESTART_ALL = "RestartAllContainers"


class PodTemplate(NamedTuple):
    """`manifest`: as an attempt's Job has it. `container`: the name of the one that runs the task.
    `notes`: sentences for the administrator, of what may be missed."""

    manifest: Manifest
    container: str
    notes: tuple[str, ...] = ()


def pod_template(
    template: Mapping[str, Any], queue: QueueSpec, selector: Mapping[str, Any] | None = None, namespace: str = ""
) -> PodTemplate:
    """Make it from the queue's own template, or from that of the Deployment that it follows. Raise InvalidTemplate.

    `selector`, `namespace`: of the Deployment.
    """
    if LEFT_OUT in template:
        raise InvalidTemplate(str(template[LEFT_OUT]))
    copied: Manifest = copy(dict(template))
    spec = mapping(copied, "spec", "spec")
    plain = objects(spec, "containers", "spec.containers")
    if not plain:
        raise InvalidTemplate("the pod template has no spec.containers")
    annotated = mapping(mapping(copied, "metadata", "metadata"), "annotations", "metadata.annotations")
    container = _task_container(plain, queue.container, annotated.get(DEFAULT_CONTAINER_ANNOTATION))
    container["name"] = container.get("name") or CONTAINER_NAME
    _check_types(container)
    _refuse_windows(spec)
    if queue.pod_template_from is not None:
        labels, annotations, notes = follow(copied, container, queue.pod_template_from, selector, namespace)
    else:
        metadata = mapping(copied, "metadata", "metadata")
        labels, annotations = (texts(metadata, key, f"metadata.{key}") for key in ("labels", "annotations"))
        notes = ()
    check_references(spec)
    _run_the_task(spec, container, queue)
    spec["automountServiceAccountToken"] = _mounts_token(spec, queue)
    if (queue.security_defaults or ("None" if queue.template is None else "Restricted")) == "Restricted":
        restrict(spec)
    annotations[DEFAULT_CONTAINER_ANNOTATION] = container["name"]
    return PodTemplate(
        {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}, container["name"], notes
    )


def _mounts_token(spec: Manifest, queue: QueueSpec) -> bool:
    """Only the queue gives its tasks a token, in so many words: what the Deployment says is for its own pods."""
    if queue.pod_template_from is not None:
        return queue.pod_template_from.automount_service_account_token
    return bool(spec.get("automountServiceAccountToken"))


def _run_the_task(spec: Manifest, container: Manifest, queue: QueueSpec) -> None:
    """An attempt is one run of the queue's command, which the operator times and repeats."""
    spec["restartPolicy"] = "Never"
    spec.pop("activeDeadlineSeconds", None)
    for key in ("args", "restartPolicy", "restartPolicyRules"):
        container.pop(key, None)
    container["command"] = list(queue.command)
    for path, each in containers(spec):
        _leave_restarts_of_all(each, path)
    # The end of the log is all there is to report when a process dies without an outcome.
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    container["terminationMessagePath"] = TERMINATION_MESSAGE_PATH


def _leave_restarts_of_all(container: Manifest, path: str) -> None:
    """When another container ends, its rules may restart all of the pod's: the task would run again in its attempt."""
    rules = objects(container, "restartPolicyRules", f"{path}.restartPolicyRules")
    kept = [rule for rule in rules if rule.get("action") != RESTART_ALL]
    if len(kept) < len(rules):
        container["restartPolicyRules"] = kept


def _task_container(found: list[Manifest], name: str | None, default: object) -> Manifest:
    """Find the one that the queue names, else that of which kubectl shows the log by default, else the first."""
    if name is None:
        return next((container for container in found if default and container.get("name") == default), found[0])
    for container in found:
        if container.get("name") == name:
            return container
    names = ", ".join(str(container.get("name")) for container in found)
    raise InvalidTemplate(f"container: the pod template has no container {name!r}; it has: {names}")


def _check_types(container: Manifest) -> None:
    """Check what an attempt needs: the name, the environment, and the resources of a task's overrides."""
    if not isinstance(container["name"], str):
        raise InvalidTemplate("name of the task's container must be a string")
    objects(container, "env", "env of the task's container")
    resources = mapping(container, "resources", "resources of the task's container")
    for key in ("requests", "limits"):
        mapping(resources, key, f"resources.{key} of the task's container")


def _refuse_windows(spec: Manifest) -> None:
    wanted = {
        "spec.os.name": mapping(spec, "os", "spec.os").get("name"),
        f"spec.nodeSelector[{OS_LABEL}]": mapping(spec, "nodeSelector", "spec.nodeSelector").get(OS_LABEL),
    }
    for path, name in wanted.items():
        if name == "windows":
            raise InvalidTemplate(f"{path} is 'windows', and tasks run on Linux alone")
