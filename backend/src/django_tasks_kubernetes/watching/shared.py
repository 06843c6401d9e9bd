"""The one watch of a process: however many wait, for whatever tasks of a namespace.

Started by the first, and ended a while after the last. One thread watches; another reads what a watch cannot tell:
how the tasks are when somebody begins to wait for them, and when changes may have been missed.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes import codec
from django_tasks_kubernetes.codec import Resource
from django_tasks_kubernetes.exceptions import ApiUnavailable
from django_tasks_kubernetes.watching.events import DELETED, Event
from django_tasks_kubernetes.watching.following import Away, Following, Missed, Opened
from django_tasks_kubernetes.watching.subscription import State, Subscription
from djangotasks_api.phases import TERMINAL_PHASES

if TYPE_CHECKING:
    from django_tasks_kubernetes.client import Client

logger = logging.getLogger(__name__)

LINGER_SECONDS: Final = 30.0
READ_AGAIN_SECONDS: Final = 2.0
READERS: Final = 8
# So many tasks are read one by one, whatever else there is.
FEW: Final = 8
# A list is cheaper than reading one by one while it has at most so many tasks for each that is wanted.
LISTED_FOR_ONE: Final = 10


class SharedWatch:
    """Of one client. Made without a thread or a request; both come with the first subscription."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._changed = threading.Condition()
        # All below is under its lock.
        self._named: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._filtering: set[Subscription] = set()
        self._unread: set[Subscription] = set()
        self._following: Following | None = None
        self._started = False
        # The queue that is selected; None for all.
        self._queue: str | None = None
        self._idle_since = 0.0
        self._problem: Exception | None = None

    def add(self, subscription: Subscription) -> Callable[[], None]:
        """From now on it is told: first how its task is, then each change. Returns what ends that."""
        with self._changed:
            self._of(subscription).add(subscription)
            subscription.problem = self._problem
            try:
                self._attend_to(subscription)
            except RuntimeError:  # No thread can be started: the process is about to end, or has too many.
                self._of(subscription).discard(subscription)
                self._end()
                raise
        return lambda: self._remove(subscription)

    def close(self) -> None:
        """Ends the watch; who still waits is not told anything any more."""
        with self._changed:
            self._end()

    def _attend_to(self, subscription: Subscription) -> None:
        if self._following is None:
            self._queue = subscription.queue
            self._following = following = Following(self._client, _selector(self._queue))
            self._started, self._problem = False, None
            for work in (self._watch, self._read):
                name = f"djangotasks{work.__name__}"
                threading.Thread(target=work, args=(following,), name=name, daemon=True).start()
            return
        if self._queue not in (None, subscription.queue):
            self._queue = None
            self._following.select(_selector(None))
        if self._started:
            self._read_soon([subscription])

    def _remove(self, subscription: Subscription) -> None:
        with self._changed:
            self._of(subscription).discard(subscription)
            if subscription.name is not None and not self._named[subscription.name]:
                del self._named[subscription.name]
            self._unread.discard(subscription)
            if not self._named and not self._filtering:
                self._idle_since = time.monotonic()
                self._changed.notify_all()

    def _of(self, subscription: Subscription) -> set[Subscription]:
        return self._filtering if subscription.name is None else self._named[subscription.name]

    def _all(self) -> list[Subscription]:
        return [*self._filtering, *(one for ones in self._named.values() for one in ones)]

    def _end(self) -> None:
        if self._following is not None:
            self._following.close()
        self._following = None
        self._unread.clear()
        self._changed.notify_all()

    # The thread that watches

    def _watch(self, following: Following) -> None:
        try:
            for change in following:
                match change:
                    case Event():
                        self._tell(change)
                    case Missed():
                        self._start_over(following)
                    case Away(error):
                        self._set_problem(error)
                    case Opened():
                        self._set_problem(None)
        except Exception as error:  # noqa: BLE001 - it is raised where somebody waits
            self._fail(following, error)

    def _tell(self, event: Event) -> None:
        with self._changed:
            named, filtering = list(self._named.get(event.name, ())), list(self._filtering)
        if not named and not filtering:
            return
        resource = event.resource
        # One that was deleted after its end: how it ended is what those who wait want to know.
        gone = event.type == DELETED and (resource.get("status") or {}).get("phase") not in TERMINAL_PHASES
        for subscription in named:
            subscription.put(event.name, int(event.version), State.DELETED if gone else resource)
        for subscription in filtering:
            if subscription.wants(resource):
                state = State.DELETED if event.type == DELETED else resource
                subscription.put(event.name, int(event.version), state)

    def _start_over(self, following: Following) -> None:
        with self._changed:
            if self._following is not following:
                return
            self._started = True
            self._read_soon(self._all())

    def _set_problem(self, problem: Exception | None) -> None:
        with self._changed:
            if self._problem is problem:
                return
            self._problem = problem
            for subscription in self._all():
                subscription.problem = problem

    def _fail(self, following: Following, error: Exception) -> None:
        with self._changed:
            if self._following is not following:
                return
            waiting = self._all()
            self._end()
        for subscription in waiting:
            subscription.fail(error)

    # The thread that reads

    def _read_soon(self, subscriptions: Iterable[Subscription]) -> None:
        for subscription in subscriptions:
            if subscription.name is None:
                subscription.miss()
            else:
                self._unread.add(subscription)
        self._changed.notify_all()

    def _read(self, following: Following) -> None:
        while (batch := self._next_batch(following)) is not None:
            try:
                self._read_all(batch)
            except ApiUnavailable as error:
                logger.debug("Reading %d tasks: %s", len(batch), error)
                with self._changed:
                    if self._following is following:
                        self._unread |= {one for one in batch if one in self._named.get(one.name or "", ())}
                        self._changed.wait(READ_AGAIN_SECONDS)
            except Exception as error:  # noqa: BLE001 - it is raised where somebody waits
                self._fail(following, error)

    def _next_batch(self, following: Following) -> list[Subscription] | None:
        """Those that are to be read next; None when it is over."""
        with self._changed:
            while self._following is following:
                if self._unread:
                    batch = list(self._unread)
                    self._unread.clear()
                    return batch
                idle = not self._named and not self._filtering
                left = self._idle_since + LINGER_SECONDS - time.monotonic() if idle else None
                if left is not None and left <= 0:
                    self._end()
                    return None
                self._changed.wait(left)
            return None

    def _read_all(self, batch: list[Subscription]) -> None:
        by_name: defaultdict[str, list[tuple[Subscription, int]]] = defaultdict(list)
        for subscription in batch:
            by_name[subscription.name or ""].append((subscription, subscription.version))

        def found(name: str, resource: Resource | None) -> None:
            for subscription, as_of in by_name[name]:
                if resource is None:
                    subscription.put_missing(as_of)
                else:
                    subscription.put(name, int(resource["metadata"]["resourceVersion"]), resource)

        if len(by_name) <= FEW or self._client.newest()[1] > LISTED_FOR_ONE * len(by_name):
            with ThreadPoolExecutor(min(READERS, len(by_name)), "djangotasks_read") as pool:
                for name, resource in zip(by_name, pool.map(self._get, by_name), strict=True):
                    found(name, resource)
            return
        missing = set(by_name)
        for resource in self._client.find(""):
            if (name := resource["metadata"]["name"]) in missing:
                missing.discard(name)
                found(name, resource)
        for name in missing:
            found(name, None)

    def _get(self, name: str) -> Resource | None:
        try:
            return self._client.get(name)
        except TaskResultDoesNotExist:
            return None


def _selector(queue: str | None) -> str:
    return codec.selector(queue=queue, status=None, task=None)
