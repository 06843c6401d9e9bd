"""The tasks of a cluster, and those that are rows of the outbox still."""

import json
from collections.abc import Callable, Iterator

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.result import EnqueuedBy
from django_tasks_kubernetes.store import TaskStore
from django_tasks_kubernetes.watch.subscription import Subscription


class OutboxStore:
    """See TaskStore. `cluster`: where the tasks go. `using`: the alias of the outbox's database."""

    def __init__(self, cluster: TaskStore, using: str) -> None:
        self._cluster = cluster
        self._using = using

    @property
    def workflows(self) -> "OutboxStore":
        return OutboxStore(self._cluster.workflows, self._using)

    def create(self, resource: Resource) -> Resource | None:
        return self._cluster.create(resource)

    def get(self, name: str) -> Resource:
        try:
            return self._cluster.get(name)
        except TaskResultDoesNotExist:
            found = find_row(self._using, name)
        # Neither: it may have been sent between the two looks.
        return self._cluster.get(name) if found is None else found

    def cancel(self, name: str, reason: str) -> Resource:
        try:
            return self._cluster.cancel(name, reason)
        except TaskResultDoesNotExist:
            cancelled = cancel_row(self._using, name, reason)
        try:
            return self._cluster.cancel(name, reason)
        except TaskResultDoesNotExist:
            found = find_row(self._using, name) if cancelled else None
            if found is None:
                raise
            return found

    def find(self, selector: str) -> Iterator[Resource]:
        return self._cluster.find(selector)

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        return self._cluster.subscribe(subscription)

    def names(self) -> Iterator[str]:
        # Before the others: what is sent meanwhile is in both.
        yield from list(OutboxTask.objects.using(self._using).values_list("pk", flat=True))
        yield from self._cluster.names()

    @property
    def enqueued_by(self) -> EnqueuedBy | None:
        return self._cluster.enqueued_by


def has_row(using: str, name: str) -> bool:
    return OutboxTask.objects.using(using).filter(pk=name).exists()


def find_row(using: str, name: str) -> Resource | None:
    """Returns a row as the resource that it becomes."""
    row = OutboxTask.objects.using(using).filter(pk=name).first()
    return None if row is None else resource_of(row)


def cancel_row(using: str, name: str, reason: str) -> bool:
    """Marks the row, if there is one, and returns whether there is. It is sent all the same, so that the cluster shows
    what became of it."""
    rows = OutboxTask.objects.using(using).filter(pk=name)
    return bool(rows.filter(cancel_reason=None).update(cancel_reason=reason)) or rows.exists()


def resource_of(row: OutboxTask) -> Resource:
    resource: Resource = json.loads(row.resource)
    if row.cancel_reason is not None:
        resource["spec"] |= {"cancel": True, "cancelReason": row.cancel_reason}
    return resource
