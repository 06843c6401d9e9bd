"""What one waiter has not looked at yet. Other threads fill it; of each task the newest state alone is kept."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from django_tasks_kubernetes.codec import Resource

# As many resources as wait for a slow reader; of more tasks no more than the names, to be read then.
KEPT_MAX: Final = 100


class State(Enum):
    """What is known of a task, where it is not the resource."""

    MISSING = "missing"
    """The cluster has no such task."""
    DELETED = "deleted"
    """It had, and somebody deleted it."""
    CHANGED = "changed"
    """It has changed, and is to be read."""


@dataclass(slots=True)
class News:
    """By name of the task. `missed`: there may be more, which only a list can tell."""

    states: dict[str, Resource | State] = field(default_factory=dict)
    missed: bool = False


class Subscription:
    """Of the one task of that name, or, without a name, of those that are wanted. Thread-safe.

    `queue`: of the tasks, where it is known: what is of another may be left out on the way.
    `wake` is called by whatever thread has news, and must return at once.
    """

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        name: str | None = None,
        queue: str | None = None,
        wants: Callable[[Resource], bool] = lambda resource: True,
    ) -> None:
        self.name = name
        self.queue = queue
        self.wants = wants
        self.problem: Exception | None = None
        """Why nothing is heard at the moment."""
        self._wake = wake
        self._lock = threading.Lock()
        self._news = News()
        self._version = 0
        self._error: Exception | None = None

    @property
    def version(self) -> int:
        """The newest that is known of the one task."""
        return self._version

    def put(self, name: str, version: int, state: Resource | State) -> None:
        """A state that was read, or seen to begin. Of the one task, an older one than is known changes nothing."""
        with self._lock:
            if self.name is not None:
                if version <= self._version:
                    return
                self._version = version
            elif len(self._news.states) >= KEPT_MAX and isinstance(state, dict):
                state = State.CHANGED
            self._news.states[name] = state
        self._wake()

    def put_missing(self, as_of: int) -> None:
        """The one task was not there, when `as_of` was the newest version known."""
        with self._lock:
            if self._version != as_of or self.name is None:
                return
            self._news.states[self.name] = State.DELETED if as_of else State.MISSING
        self._wake()

    def miss(self) -> None:
        """Changes may have been missed."""
        with self._lock:
            self._news.missed = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """There will be no more: whoever takes gets the error."""
        with self._lock:
            self._error = error
        self._wake()

    def take(self) -> News:
        """All there is. Raises what the subscription failed with."""
        with self._lock:
            if self._error is not None:
                raise self._error
            news, self._news = self._news, News()
        return news
