"""Which attempt's code is running, in this thread or coroutine."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django_tasks_kubernetes.codec.resource import Resource
from djangotasks_api.names import ENQUEUED_BY_LABEL


@dataclass(slots=True)
class Running:
    """The attempt."""

    name: str
    """Of its task."""

    queue: str
    number: int
    is_over: bool = False
    """Its outcome is known."""

    def stamp(self, resource: Resource) -> Resource:
        """A new task or workflow, as the operator creates it for the attempt's pod."""
        metadata = resource["metadata"]
        labels = {**metadata.get("labels", {}), ENQUEUED_BY_LABEL: self.name}
        # In memory a task has no uid but its name.
        enqueued_by = {"name": self.name, "uid": self.name, "attempt": self.number}
        spec = resource["spec"] | {"enqueuedBy": enqueued_by}
        return resource | {"metadata": metadata | {"labels": labels}, "spec": spec}

    def owns(self, resource: Resource) -> bool:
        """Whether it is the attempt's own task, or was enqueued by it."""
        enqueued_by = resource["spec"].get("enqueuedBy") or {}
        return self.name in (resource["metadata"]["name"], enqueued_by.get("name"))


_current: ContextVar[Running | None] = ContextVar("djangotasks_running", default=None)


def current() -> Running | None:
    """None outside of tasks, and in threads that a task has started."""
    return _current.get()


@contextmanager
def outside() -> Iterator[None]:
    """What runs within is what the operator does, whatever task's code has led to it."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def entered(running: Running) -> Iterator[Running]:
    """What runs within is the attempt's."""
    token = _current.set(running)
    try:
        yield running
    finally:
        _current.reset(token)
