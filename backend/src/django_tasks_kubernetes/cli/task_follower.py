"""The newest state of one task, for a thread that follows it."""

import threading
from types import TracebackType
from typing import Self

from django_tasks_kubernetes.cli.session import Session
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.watch.subscription import State, Subscription


class TaskFollower:
    """Follows a task within `with`, by the process's one watch."""

    def __init__(self, session: Session, resource: Resource) -> None:
        self.resource = resource
        """The newest state, as of the last wait()."""
        self._session = session
        self._changed = threading.Event()
        self._subscription = Subscription(self._changed.set, name=resource["metadata"]["name"])

    def __enter__(self) -> Self:
        self._end = self._session.tasks.subscribe(self._subscription)
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def wait(self, seconds: float | None = None) -> Resource:
        """Returns the task after its next change, or after so many seconds.

        Raises TaskResultDoesNotExist when it is deleted, and the error that the watch failed with.
        """
        self._changed.wait(seconds)
        self._changed.clear()
        for name, state in self._subscription.take().states.items():
            # A task that the cluster does not have may be in the outbox.
            self.resource = self._session.tasks.get(name) if isinstance(state, State) else state
        return self.resource
