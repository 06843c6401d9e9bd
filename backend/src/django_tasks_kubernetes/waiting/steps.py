"""The protocols of following one task and of following many. See the package's docstring."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, Protocol, Self

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import ApiUnavailable, InvalidResource
from django_tasks_kubernetes.store import TaskStore
from django_tasks_kubernetes.watch.subscription import State, Subscription

logger = logging.getLogger(__name__)

# How long a task that is yet to be created is waited for after it was last known to be pending, and how often to ask.
APPEAR_SECONDS: Final = 30.0
POLL_SECONDS: Final = 5.0
LISTED_AT_ONCE: Final = 100


class Followed(Protocol):
    """The result of a task, or of a workflow."""

    @property
    def is_finished(self) -> bool: ...

    def same_state(self, other: Self, /) -> bool:
        """Whether both show the same state of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSource[R: Followed]:
    """Where the tasks of a backend, or its workflows, come from."""

    store: Callable[[], TaskStore]
    """Raises ClusterNotConfigured. A call, because a connection does not survive a fork."""

    decode: Callable[[Resource], R]
    """Raises InvalidResource."""

    is_pending: Callable[[str], bool] | None
    """Whether a task that does not exist is yet to be created. None where enqueue() creates tasks before it returns."""


@dataclass(frozen=True, slots=True)
class WaitForChange:
    """Sleep until the subscription wakes, or for so many seconds; None for no limit."""

    seconds: float | None


@dataclass(slots=True)
class RunBlocking[T]:
    """Call `run` where I/O and the database may be used."""

    function: Callable[[], T]
    answer: T = field(init=False, repr=False)
    """What the function returned, once it has run."""

    def run(self) -> None:
        self.answer = self.function()


@dataclass(frozen=True, slots=True)
class Emit[R: Followed]:
    """The next result of the iteration."""

    result: R


type Steps[R: Followed] = Iterator[WaitForChange | RunBlocking[bool] | RunBlocking[list[Resource]] | Emit[R]]


class OneTask[R: Followed]:
    """Follows one task, or one workflow, until it is finished, or the time is over."""

    def __init__(
        self,
        source: TaskSource[R],
        name: str,
        subscription: Subscription,
        *,
        timeout: float | None = None,
        repeat: float | None = None,
    ) -> None:
        """`timeout`: seconds in all. `repeat`: seconds after which the last result is emitted again."""
        self._source = source
        self._name = name
        self._subscription = subscription
        self._repeat = repeat
        now = time.monotonic()
        self._deadline = None if timeout is None else now + timeout
        # A watch takes time to begin.
        self._looks_once = timeout == 0
        self._emitted: R | None = None
        self._emitted_at = now
        # When the task, which does not exist, was last known to be pending; None when it exists, or before it is read.
        self._pending_at: float | None = None

    def steps(self) -> Steps[R]:
        if self._looks_once:
            read = RunBlocking(partial(_look, self._source.store(), self._name))
            yield read
            for resource in read.answer:
                yield self._emit(self._source.decode(resource))
        while True:
            yield from self._take()
            if self._emitted is not None and self._emitted.is_finished:
                return
            if self._pending_at is not None and self._source.is_pending is not None:
                yield from self._check_pending(self._source.is_pending, self._pending_at)
            now = time.monotonic()
            if self._deadline is not None and now >= self._deadline:
                return
            if self._emitted is not None and self._repeat is not None and now >= self._emitted_at + self._repeat:
                yield self._emit(self._emitted)
            yield WaitForChange(self._limit())

    def _take(self) -> Iterator[Emit[R]]:
        match self._subscription.take().states.get(self._name):
            case State.MISSING if self._source.is_pending is not None:
                self._pending_at = time.monotonic()
            case State.MISSING | State.DELETED:
                raise TaskResultDoesNotExist(self._name)
            case dict() as resource:
                self._pending_at = None
                result = self._source.decode(resource)
                if self._emitted is None or not result.same_state(self._emitted):
                    yield self._emit(result)
            case State.CHANGED | None:
                pass

    def _emit(self, result: R) -> Emit[R]:
        self._emitted, self._emitted_at = result, time.monotonic()
        return Emit(result)

    def _check_pending(self, is_pending: Callable[[str], bool], pending_at: float) -> Steps[R]:
        pending = RunBlocking(partial(is_pending, self._name))
        yield pending
        if pending.answer:
            self._pending_at = time.monotonic()
        elif time.monotonic() > pending_at + APPEAR_SECONDS:
            raise TaskResultDoesNotExist(self._name)

    def _limit(self) -> float | None:
        moments = []
        if self._deadline is not None:
            moments.append(self._deadline)
        if self._repeat is not None and self._emitted is not None:
            moments.append(self._emitted_at + self._repeat)
        if self._pending_at is not None:
            moments.append(time.monotonic() + POLL_SECONDS)
        return max(min(moments) - time.monotonic(), 0) if moments else None


class ManyTasks[R: Followed]:
    """Follows the tasks that match a field selector, for ever. The subscription has to match the same tasks."""

    def __init__(self, source: TaskSource[R], selector: str, subscription: Subscription) -> None:
        self._source = source
        self._selector = selector
        self._subscription = subscription
        # The versions that were emitted, by name: a change that both a list and the watch bring is emitted once.
        self._versions: dict[str, int] = {}

    def steps(self) -> Steps[R]:
        store, gap = self._source.store(), True
        while True:
            if gap:
                page = RunBlocking(partial(_some, store.find(self._selector)))
                yield page
                while page.answer:
                    for resource in page.answer:
                        yield from self._emit(resource)
                    yield page
            pending = self._subscription.take()
            for name, state in pending.states.items():
                match state:
                    case State.CHANGED:
                        read = RunBlocking(partial(_read, store, name))
                        yield read
                        for resource in read.answer:
                            yield from self._emit(resource)
                    case State.MISSING | State.DELETED:
                        self._versions.pop(name, None)
                    case resource:
                        yield from self._emit(resource)
            gap = pending.gap
            if not gap and not pending.states:
                yield WaitForChange(None)

    def _emit(self, resource: Resource) -> Iterator[Emit[R]]:
        """Emits it, unless it is no newer than what was emitted."""
        name, version = resource["metadata"]["name"], int(resource["metadata"].get("resourceVersion", 0))
        if 0 < version <= self._versions.get(name, 0):
            return
        self._versions[name] = version
        try:
            yield Emit(self._source.decode(resource))
        except InvalidResource as error:
            logger.warning("Left out of watch(): %s", error)


def _some(found: Iterator[Resource]) -> list[Resource]:
    return list(islice(found, LISTED_AT_ONCE))


def _look(store: TaskStore, name: str) -> list[Resource]:
    """As _read(), and nothing where the API server is away: who waits does not get that error."""
    with suppress(ApiUnavailable):
        return _read(store, name)
    return []


def _read(store: TaskStore, name: str) -> list[Resource]:
    try:
        return [store.get(name)]
    except TaskResultDoesNotExist:
        return []
