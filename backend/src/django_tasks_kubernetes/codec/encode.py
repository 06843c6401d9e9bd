"""A new task as the DjangoTask to create. Pure."""

from collections.abc import Mapping
from typing import Any

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.task_options import to_spec
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.task import options_of
from djangotasks_api.names import API_VERSION, QUEUE_LABEL, TASK_KIND
from djangotasks_api.task_ids import order_labels


def encode(result: KubernetesResult, payload: Mapping[str, Any]) -> Resource:
    """The DjangoTask to create for a new result. `payload`: the fields of the spec that hold its arguments."""
    task = result.task
    assert result.enqueued_at is not None  # noqa: S101 - the backend has just set it
    spec: Resource = {
        "task": task.module_path,
        "queue": task.queue_name,
        "backend": result.backend,
        "priority": int(task.priority),
        "enqueuedAt": to_wire(result.enqueued_at),
        **payload,
    }
    if task.run_after is not None:
        spec["runAfter"] = to_wire(task.run_after)
    spec |= to_spec(options_of(task), result.enqueued_at)
    return {
        "apiVersion": API_VERSION,
        "kind": TASK_KIND,
        "metadata": {"name": result.id, "labels": {QUEUE_LABEL: task.queue_name} | order_labels(result.id)},
        "spec": spec,
    }
