"""The DjangoTaskWorkflow that retries another one. No I/O."""

from datetime import datetime

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import NotRetryable
from django_tasks_kubernetes.workflows.new_workflow import new_workflow
from djangotasks_api.schedules.plan import wire_time
from djangotasks_api.workflow import retry


def retried(resource: Resource, now: datetime) -> Resource:
    """A workflow that takes over what succeeded in this one, and runs the rest. Raises NotRetryable."""
    metadata, spec = resource["metadata"], resource["spec"]
    name: str = metadata["name"]
    try:
        retry.check_ended(name, resource.get("status") or {})
    except retry.NotRetryable as error:
        raise NotRetryable(str(error)) from None
    # Without a cluster a workflow has no uid but its name.
    again = retry.retried_spec(name, metadata.get("uid", name), spec, wire_time(now))
    return new_workflow(again, spec.get("queue", "default"), now)
