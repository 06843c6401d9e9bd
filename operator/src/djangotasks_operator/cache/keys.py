"""The key of a cached object."""

from typing import NamedTuple

from djangotasks_api.models import DjangoTask
from djangotasks_api.models.base import Metadata


class Key(NamedTuple):
    """Namespace and name of a task, or of a queue."""

    namespace: str
    name: str

    @classmethod
    def of(cls, metadata: Metadata) -> "Key":
        return cls(metadata.namespace, metadata.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def queue_of(task: DjangoTask) -> Key:
    """The key of the queue that the task names."""
    return Key(task.metadata.namespace, task.spec.queue)
