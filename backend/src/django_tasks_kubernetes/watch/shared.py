"""The one watch of a process, for any number of subscriptions to tasks of a namespace.

Started by the first subscription, and closed a while after the last. One thread watches. A second one reads what a
watch does not bring: the state of a task when a subscription begins, and after a relist.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.codec.resource import Resource, selector
from django_tasks_kubernetes.exceptions import ApiUnavailable, PermissionDenied
from django_tasks_kubernetes.watch.events import DELETED, Event
from django_tasks_kubernetes.watch.stream import Connected, Disconnected, RelistNeeded, WatchStream
from django_tasks_kubernetes.watch.subscription import State, Subscription
from djangotasks_api.phases import TERMINAL_PHASES

if TYPE_CHECKING:
    from django_tasks_kubernetes.kube.client import Client

logger = logging.getLogger(__name__)

# How long the watch stays open without a subscription: most web requests that wait follow each other.
LINGER_SECONDS: Final = 30.0
READ_RETRY_SECONDS: Final = 2.0
READERS: Final = 8
# Up to so many tasks are read one by one, however many tasks the namespace has.
FEW: Final = 8
# A list is cheaper than reading one by one while it has at most so many tasks for each that is wanted.
LISTED_FOR_ONE: Final = 10


class SharedWatch:
    """The watch of one client. Made without a thread or a request; both come with the first subscription."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._changed = threading.Condition()
        # All below is guarded by its lock.
        self._named: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._filtering: set[Subscription] = set()
        self._unread: set[Subscription] = set()
        self._stream: WatchStream | None = None
        self._listed = False
        # The queue that is selected; None for all.
        self._queue: str | None = None
        self._idle_since = 0.0
        self._problem: Exception | None = None

    def add(self, subscription: Subscription) -> Callable[[], None]:
        """Fills the subscription: first with the state of its task, then with each change. Returns what ends that."""
        with self._changed:
            self._of(subscription).add(subscription)
            subscription.problem = self._problem
            try:
                self._start_or_extend(subscription)
            except RuntimeError:  # No thread can be started: the process is about to end, or has too many.
                self._of(subscription).discard(subscription)
                self._end()
                raise
        return lambda: self._remove(subscription)

    def close(self) -> None:
        """Ends the watch. Subscriptions get no further changes."""
        with self._changed:
            self._end()

    def _start_or_extend(self, subscription: Subscription) -> None:
        if self._stream is None:
            self._queue = subscription.queue
            self._stream = stream = WatchStream(self._client, _selector(self._queue))
            self._listed, self._problem = False, None
            for work in (self._watch, self._read):
                name = f"djangotasks{work.__name__}"
                threading.Thread(target=work, args=(stream,), name=name, daemon=True).start()
            return
        if self._queue not in (None, subscription.queue):
            self._queue = None
            self._stream.select(_selector(None))
        if self._listed:
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
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._unread.clear()
        self._changed.notify_all()

    # --- The watch thread

    def _watch(self, stream: WatchStream) -> None:
        try:
            for change in stream:
                match change:
                    case Event():
                        self._publish(change)
                    case RelistNeeded():
                        self._relist(stream)
                    case Disconnected(error):
                        self._set_problem(error)
                    case Connected():
                        self._set_problem(None)
        except Exception as error:  # noqa: BLE001 - it is raised by the subscriptions
            self._fail(stream, error)

    def _publish(self, event: Event) -> None:
        with self._changed:
            named, filtering = list(self._named.get(event.name, ())), list(self._filtering)
        if not named and not filtering:
            return
        resource = event.resource
        # A task deleted after its end: its subscribers want to know how it ended.
        gone = event.type == DELETED and (resource.get("status") or {}).get("phase") not in TERMINAL_PHASES
        for subscription in named:
            subscription.put(event.name, int(event.version), State.DELETED if gone else resource)
        for subscription in filtering:
            if subscription.wants(resource):
                state = State.DELETED if event.type == DELETED else resource
                subscription.put(event.name, int(event.version), state)

    def _relist(self, stream: WatchStream) -> None:
        with self._changed:
            if self._stream is not stream:
                return
            self._listed = True
            self._read_soon(self._all())

    def _set_problem(self, problem: Exception | None) -> None:
        with self._changed:
            if self._problem is problem:
                return
            self._problem = problem
            for subscription in self._all():
                subscription.problem = problem

    def _fail(self, stream: WatchStream, error: Exception) -> None:
        with self._changed:
            if self._stream is not stream:
                return
            waiting = self._all()
            self._end()
        for subscription in waiting:
            subscription.fail(error)

    # --- The read thread

    def _read_soon(self, subscriptions: Iterable[Subscription]) -> None:
        for subscription in subscriptions:
            if subscription.name is None:
                subscription.mark_gap()
            else:
                self._unread.add(subscription)
        self._changed.notify_all()

    def _read(self, stream: WatchStream) -> None:
        while (batch := self._next_batch(stream)) is not None:
            try:
                self._read_all(batch)
            except ApiUnavailable as error:
                logger.debug("Reading %d tasks: %s", len(batch), error)
                with self._changed:
                    if self._stream is stream:
                        self._unread |= {one for one in batch if one in self._named.get(one.name or "", ())}
                        self._changed.wait(READ_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - it is raised by the subscriptions
                self._fail(stream, error)

    def _next_batch(self, stream: WatchStream) -> list[Subscription] | None:
        """The subscriptions to read next; None when the watch has ended."""
        with self._changed:
            while self._stream is stream:
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

        def found(name: str, state: Resource | PermissionDenied | None) -> None:
            for subscription, as_of in by_name[name]:
                match state:
                    case None:
                        subscription.put_missing(as_of)
                    case PermissionDenied():
                        # A task's pod may see some tasks, and not others.
                        subscription.fail(state)
                    case resource:
                        subscription.put(name, int(resource["metadata"]["resourceVersion"]), resource)

        missing = set(by_name)
        if len(by_name) > FEW and self._client.newest()[1] <= LISTED_FOR_ONE * len(by_name):
            for resource in self._client.find(""):
                if (name := resource["metadata"]["name"]) in missing:
                    missing.discard(name)
                    found(name, resource)
        if missing:
            # Those that were not in the list, too: it may be of some tasks alone.
            with ThreadPoolExecutor(min(READERS, len(missing)), "djangotasks_read") as pool:
                for name, state in zip(missing, pool.map(self._get, missing), strict=True):
                    found(name, state)

    def _get(self, name: str) -> Resource | PermissionDenied | None:
        try:
            return self._client.get(name)
        except TaskResultDoesNotExist:
            return None
        except PermissionDenied as error:
            return error


def _selector(queue: str | None) -> str:
    return selector(queue=queue, status=None, task=None)
