"""The DjangoTasks of this process, in its memory."""

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from enum import StrEnum
from typing import Any, ClassVar

from django.core.files.storage import InMemoryStorage
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import from_wire, to_wire
from django_tasks_kubernetes.local.running import current
from django_tasks_kubernetes.result import EnqueuedBy
from django_tasks_kubernetes.watch.subscription import Subscription
from djangotasks_api.phases import Phase, Reason


class MemoryStore:
    """See TaskStore. Thread-safe: a status is never changed, but replaced by another."""

    first_phase: ClassVar[StrEnum] = Phase.QUEUED
    """Of what is new."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        """By name, in the order of enqueue()."""
        self.storage = InMemoryStorage()
        """In the place of each of STORAGES."""
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._versions = itertools.count(1)

    @property
    def workflows(self) -> "MemoryStore":
        """See TaskStore."""
        raise NotImplementedError

    def create(self, resource: Resource) -> Resource | None:
        name, running = resource["metadata"]["name"], current()
        if running is not None:
            resource = running.stamp(resource)
        with self._lock:
            if not self.is_taken(name):
                # As from the server: a copy, with the defaults of the CRD.
                self.resources[name] = deepcopy(resource) | {"status": {"phase": self.first_phase}}
                known = None
            else:  # by its idempotency key
                known = deepcopy(self.resources[name])
        if known is None:
            self.changed(name)
        return known

    @property
    def enqueued_by(self) -> EnqueuedBy | None:
        """See TaskStore."""
        return None if (running := current()) is None else EnqueuedBy(id=running.name, attempt=running.number)

    def is_taken(self, name: str) -> bool:
        """Whether no task of this name can be created. It is called with the lock held."""
        return name in self.resources

    def get(self, name: str) -> Resource:
        try:
            return deepcopy(self.resources[name])
        except KeyError:
            raise TaskResultDoesNotExist(name) from None

    def cancel(self, name: str, reason: str) -> Resource:
        status = self.get(name)["status"]
        if (returned := status.get("returnedWorkflow")) is not None:
            # The task ends with it.
            self.workflows.cancel(returned, reason)
        elif not status["phase"].is_terminal:
            started = status["phase"] != Phase.QUEUED
            self.resources[name]["status"] = status | {
                "phase": Phase.CANCELLED,
                "reason": Reason.CANCEL_REQUESTED,
                "message": f"Cancelled {'while it ran' if started else 'before it started'}. Reason given: {reason}",
                "finishedAt": to_wire(timezone.now()),
            }
            self.changed(name)
        return self.get(name)

    def expire(self, name: str) -> None:
        """Ends a task that has not started, and may not do so any more."""
        resource = self.resources[name]
        resource["status"] = resource["status"] | {
            "phase": Phase.FAILED,
            "reason": Reason.EXPIRED,
            "message": f"It expired at {from_wire(resource['spec']['expiresAt'])}, before it started.",
            "finishedAt": to_wire(timezone.now()),
        }
        self.changed(name)

    def delete(self, name: str, uid: str | None) -> None:
        """Raises TaskResultDoesNotExist."""
        self.get(name)
        self.remove(name)

    def remove(self, name: str) -> None:
        """Removes what a workflow does not keep."""
        self.resources.pop(name, None)

    def find(self, selector: str) -> Iterator[Resource]:
        terms = [re.fullmatch(r"([\w.]+)(!?)=(.*)", term) for term in selector.split(",") if term]
        for resource in deepcopy(list(self.resources.values())):
            if all(term and (_field(resource, term[1]) == term[3]) != bool(term[2]) for term in terms):
                yield resource

    def names(self) -> Iterator[str]:
        return iter(list(self.resources))

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        self._subscriptions.add(subscription)
        if (name := subscription.name) is not None:
            if name in self.resources:
                self.changed(name)
            else:
                subscription.put_missing(as_of=0)
        return lambda: self._subscriptions.discard(subscription)

    def changed(self, name: str) -> None:
        """Tells the subscribers of a change."""
        resource = self.resources[name]
        for subscription in list(self._subscriptions):
            if name == subscription.name or (subscription.name is None and subscription.wants(resource)):
                subscription.put(name, next(self._versions), deepcopy(resource))


def _field(resource: Resource, path: str) -> object:
    found: Any = resource
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
