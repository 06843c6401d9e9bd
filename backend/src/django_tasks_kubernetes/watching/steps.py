"""What is done to follow one task, or many: the same steps for threads and for coroutines, which `watching` takes."""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.exceptions import InvalidResource, NotCommitted
from django_tasks_kubernetes.options import Enqueue
from django_tasks_kubernetes.task_types import AnyResult
from django_tasks_kubernetes.watching.subscription import State, Subscription

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend, Store

logger = logging.getLogger(__name__)

# A task that may still be created is waited for so long after the last sign of it, and looked for so often.
APPEAR_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 5.0
LISTED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Wait:
    """Until there is news, and not longer."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Call:
    """What takes time, or the database, is called where that may be done. Its value is sent back."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Show:
    """The next of the results."""

    result: AnyResult


type Steps = Generator[Wait | Call | Show, Any, None]


class OneTask:
    """Ends with its finished result, or when the time is over. `timeout`, `repeat`: seconds, see watch()."""

    def __init__(
        self,
        backend: "KubernetesBackend",
        name: str,
        subscription: Subscription,
        *,
        timeout: float | None = None,
        repeat: float | None = None,
    ) -> None:
        self._backend = backend
        self._name = name
        self._subscription = subscription
        self._repeat = repeat
        now = time.monotonic()
        self._deadline = None if timeout is None else now + timeout
        self._shown: AnyResult | None = None
        self._shown_at = now
        # When there was the last sign of a task that is not there yet; None when it is, or nothing is known.
        self._sign_at: float | None = None

    def steps(self) -> Steps:
        while True:
            yield from self._take()
            if self._shown is not None and self._shown.is_finished:
                return
            if self._sign_at is not None:
                yield from self._look_for(self._sign_at)
            now = time.monotonic()
            if self._deadline is not None and now >= self._deadline:
                return
            if self._shown is not None and self._repeat is not None and now >= self._shown_at + self._repeat:
                yield self._show(self._shown)
            yield Wait(self._limit())

    def _take(self) -> Iterator[Show]:
        match self._subscription.take().states.get(self._name):
            case State.MISSING if self._backend.parsed_options.enqueue is not Enqueue.IMMEDIATE:
                self._sign_at = time.monotonic()
            case State.MISSING | State.DELETED:
                raise TaskResultDoesNotExist(self._name)
            case dict() as resource:
                self._sign_at = None
                result = self._backend.decoded(resource)
                if self._shown is None or not result.is_as(self._shown):
                    yield self._show(result)
            case State.CHANGED | None:
                pass

    def _show(self, result: AnyResult) -> Show:
        self._shown, self._shown_at = result, time.monotonic()
        return Show(result)

    def _look_for(self, sign_at: float) -> Steps:
        if (yield Call(self._pending)):
            self._sign_at = time.monotonic()
        elif time.monotonic() > sign_at + APPEAR_SECONDS:
            raise TaskResultDoesNotExist(self._name)

    def _pending(self) -> bool:
        from django_tasks_kubernetes.commit import waits_for_commit

        if waits_for_commit(self._name, self._backend.parsed_options.database):
            raise NotCommitted(
                f"Task {self._name} is created when the current transaction is committed, which cannot happen while it "
                "is waited for in there. Wait after it: outside of atomic(), and of a view with ATOMIC_REQUESTS."
            )
        return self._backend.store.pending(self._name)

    def _limit(self) -> float | None:
        moments = []
        if self._deadline is not None:
            moments.append(self._deadline)
        if self._repeat is not None and self._shown is not None:
            moments.append(self._shown_at + self._repeat)
        if self._sign_at is not None:
            moments.append(time.monotonic() + LOOK_SECONDS)
        return max(min(moments) - time.monotonic(), 0) if moments else None


class ManyTasks:
    """Those that match the field selector, which has to be the subscription's too. Never ends."""

    def __init__(self, backend: "KubernetesBackend", selector: str, subscription: Subscription) -> None:
        self._backend = backend
        self._selector = selector
        self._subscription = subscription
        # By name, what was shown last: what a list finds and a watch has told of is shown once.
        self._versions: dict[str, int] = {}

    def steps(self) -> Steps:
        store, missed = self._backend.store, True
        while True:
            if missed:
                found = store.find(self._selector)
                while page := (yield Call(partial(_some, found))):
                    for resource in page:
                        yield from self._show(resource)
            news = self._subscription.take()
            for name, state in news.states.items():
                match state:
                    case State.CHANGED:
                        for resource in (yield Call(partial(_read, store, name))):
                            yield from self._show(resource)
                    case State.MISSING | State.DELETED:
                        self._versions.pop(name, None)
                    case resource:
                        yield from self._show(resource)
            missed = news.missed
            if not missed and not news.states:
                yield Wait(None)

    def _show(self, resource: Resource) -> Iterator[Show]:
        """Unless it is no newer than what was shown."""
        name, version = resource["metadata"]["name"], int(resource["metadata"].get("resourceVersion", 0))
        if 0 < version <= self._versions.get(name, 0):
            return
        self._versions[name] = version
        try:
            yield Show(self._backend.decoded(resource))
        except InvalidResource as error:
            logger.warning("Left out of watch(): %s", error)


def _some(found: Iterator[Resource]) -> list[Resource]:
    return list(islice(found, LISTED_AT_ONCE))


def _read(store: "Store", name: str) -> list[Resource]:
    try:
        return [store.get(name)]
    except TaskResultDoesNotExist:
        return []
