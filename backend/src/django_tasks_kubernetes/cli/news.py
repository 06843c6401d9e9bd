"""The newest state of one task, for a thread that waits for it."""

import threading
from types import TracebackType
from typing import Self

from django_tasks_kubernetes.cli.verbs import Session
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.watching.subscription import State, Subscription


class News:
    """Within `with`, it is told of each change by the process's one watch."""

    def __init__(self, session: Session, resource: Resource) -> None:
        self.resource = resource
        self._session = session
        self._changed = threading.Event()
        self._subscription = Subscription(self._changed.set, name=resource["metadata"]["name"])

    def __enter__(self) -> Self:
        self._end = self._session.client.subscribe(self._subscription)
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def wait(self, seconds: float | None = None) -> Resource:
        """The task after its next change, or as it is after so long. Raises TaskResultDoesNotExist when it is deleted,
        and what the watch failed with."""
        self._changed.wait(seconds)
        self._changed.clear()
        for name, state in self._subscription.take().states.items():
            # What the cluster does not have may be in the outbox.
            self.resource = self._session.tasks.get(name) if isinstance(state, State) else state
        return self.resource
