"""A DjangoTaskWorkflow that is to be created. No I/O."""

from datetime import datetime

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import milliseconds
from django_tasks_kubernetes.enqueue.new_task import marked
from djangotasks_api.names import API_VERSION, QUEUE_LABEL, WORKFLOW_KIND
from djangotasks_api.task_ids import new_id, order_labels


def new_workflow(spec: Resource, queue: str, now: datetime, name: str | None = None) -> Resource:
    """The resource for what was drawn, or is retried, with a mark of this one request.

    `now`: its enqueuedAt. `name`: by default a new id.
    """
    name = new_id(milliseconds(now)) if name is None else name
    return marked(
        {
            "apiVersion": API_VERSION,
            "kind": WORKFLOW_KIND,
            "metadata": {"name": name, "labels": {QUEUE_LABEL: queue} | order_labels(name)},
            "spec": spec,
        }
    )
