"""The DjangoTasks of a namespace, in the cluster: one client and one watch for all threads of a process."""

import os
from collections.abc import Callable, Iterator
from functools import cached_property

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.result import EnqueuedBy
from django_tasks_kubernetes.watch.shared import SharedWatch
from django_tasks_kubernetes.watch.subscription import Subscription


class ClusterStore:
    """See TaskStore. Thread-safe. Raises KubernetesBackendError."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._watch = SharedWatch(client)

    @cached_property
    def workflows(self) -> "ClusterStore":
        return ClusterStore(self.client.workflows())

    def create(self, resource: Resource) -> Resource | None:
        return self.client.create(resource)

    def get(self, name: str) -> Resource:
        return self.client.get(name)

    def cancel(self, name: str, reason: str) -> Resource:
        return self.client.cancel(name, reason)

    def delete(self, name: str, uid: str | None) -> None:
        """Deletes it, where it still is the one with this uid. Raises TaskResultDoesNotExist."""
        self.client.delete(name, uid)

    def find(self, selector: str) -> Iterator[Resource]:
        return self.client.find(selector)

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        return self._watch.add(subscription)

    def names(self) -> Iterator[str]:
        return self.client.names()

    @property
    def enqueued_by(self) -> EnqueuedBy | None:
        return self.client.enqueued_by

    def everywhere(self) -> "ClusterStore":
        """The same for all namespaces, which can be listed and watched."""
        return ClusterStore(self.client.everywhere())

    def close(self) -> None:
        """Ends the watch, and closes the idle connections."""
        if "workflows" in self.__dict__:
            self.workflows._watch.close()
        self._watch.close()
        self.client.close()


# By process too: a connection must not be shared across a fork.
_stores: dict[tuple[int, Options], ClusterStore] = {}


def connect(options: Options) -> ClusterStore:
    """Returns this process's store for these options. Raises ClusterNotConfigured."""
    key = (os.getpid(), options)
    # Without a lock, which a fork could copy while it is held: of two threads that come first, one store wins.
    return _stores.get(key) or _stores.setdefault(key, ClusterStore(Client(options)))
