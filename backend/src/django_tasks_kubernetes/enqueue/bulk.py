"""Creates many tasks at once, with bounded concurrency."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Final

from django.core.exceptions import ImproperlyConfigured

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.codec.resource import Resource

# More requests at once do not make the API server faster, and are unfair to other clients.
CONCURRENCY: Final = 16
CONCURRENCY_MAX: Final = 64
# Errors that the next task would meet as well.
SYSTEMIC: Final = (
    e.ApiUnavailable,
    e.ClusterNotConfigured,
    e.NotAuthenticated,
    e.PermissionDenied,
    e.CrdNotInstalled,
    e.NamespaceNotFound,
    # A backend that cannot be made here.
    ImproperlyConfigured,
)

type Failure = tuple[int, Exception]


def create_all[T](
    create_one: Callable[[T], Resource | None], items: Iterable[T], concurrency: int = CONCURRENCY
) -> tuple[dict[int, Resource | None], list[Failure]]:
    """Calls create_one for each item, in so many threads. Returns its values by index, and the failures.

    After an error that every task would meet, the remaining items fail with it, without a call.
    """
    done: dict[int, Resource | None] = {}
    failed: list[Failure] = []
    stopped: list[Exception] = []

    def create(item: T) -> Resource | None:
        if stopped:
            raise stopped[0]
        try:
            return create_one(item)
        except SYSTEMIC as error:
            stopped.append(error)
            raise

    def collect(index: int, future: "Future[Resource | None]") -> None:
        try:
            done[index] = future.result()
        except Exception as error:  # noqa: BLE001 - one task's error is in the report, and no other's
            failed.append((index, error))

    with ThreadPoolExecutor(concurrency, thread_name_prefix="enqueue_many") as pool:
        waiting: deque[tuple[int, Future[Resource | None]]] = deque()
        source = enumerate(items)
        while True:
            # A few ahead, so that no thread idles; not all, so that a generator of many items is not held in memory.
            for index, item in islice(source, 4 * concurrency - len(waiting)):
                # Its context too: under in_memory() that says whose code is running.
                waiting.append((index, pool.submit(copy_context().run, create, item)))
            if not waiting:
                return done, failed
            collect(*waiting.popleft())
