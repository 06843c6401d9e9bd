"""The DjangoTaskQueues of a namespace, in the cluster. For pages."""

import os

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import CrdNotInstalled
from django_tasks_kubernetes.kube.api_server import ApiServer
from django_tasks_kubernetes.kube.queue_errors import queue_error
from django_tasks_kubernetes.stores.kind_store import KindStore
from djangotasks_api.names import QUEUE_PLURAL


class QueueStore(KindStore):
    """Raises KubernetesBackendError."""

    def __init__(self, server: ApiServer) -> None:
        super().__init__(server, QUEUE_PLURAL, queue_error, _missing, everywhere=False)


def _missing(name: str) -> CrdNotInstalled:
    return CrdNotInstalled(f"There is no queue {name!r}: that is no name of one.")


# By process too: a connection must not be shared across a fork.
_stores: dict[tuple[int, Options], QueueStore] = {}


def connect(options: Options) -> QueueStore:
    """Returns this process's store for these options. Raises ClusterNotConfigured."""
    key = (os.getpid(), options)
    return _stores.get(key) or _stores.setdefault(key, QueueStore(ApiServer(options)))
