"""Apply the task's policy and overrides, and its queue's, to the pod template. Pure."""

from djangotasks_api.models import DjangoTaskQueue, TaskSpec
from djangotasks_operator.pods.fields import Manifest
from djangotasks_operator.scheduling.limits import Limits


def apply(task: TaskSpec, queue: DjangoTaskQueue, limits: Limits, template: Manifest, container_name: str) -> None:
    """Change the template in place. Overrides that the queue does not allow were refused before."""
    spec = template["spec"]
    if limits.grace_period is not None:
        spec["terminationGracePeriodSeconds"] = int(limits.grace_period.total_seconds())
    if queue.spec.priority_class_name is not None:
        spec["priorityClassName"] = queue.spec.priority_class_name
        # They are of the template's own class, and the API server refuses those that are not of this one.
        spec.pop("priority", None)
        spec.pop("preemptionPolicy", None)
    if task.overrides is None:
        return
    if task.overrides.node_selector:
        spec["nodeSelector"] = dict(spec.get("nodeSelector") or {}) | task.overrides.node_selector
    if (resources := task.overrides.resources) is not None:
        container = next(c for c in spec["containers"] if c.get("name") == container_name)
        now = container.get("resources") or {}
        changes = {"requests": resources.requests, "limits": resources.limits}
        changed = {kind: dict(now.get(kind) or {}) | more for kind, more in changes.items() if more}
        container["resources"] = now | changed
