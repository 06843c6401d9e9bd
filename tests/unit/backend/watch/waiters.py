"""Who waits for tasks in threads, and the one watch that they share."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.stores import cluster
from django_tasks_kubernetes.watch import shared
from tests.unit.backend.namespace import Namespace

SECONDS = 30.0


def watch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("djangotasks_")]


def the_watch() -> shared.SharedWatch:
    (only,) = cluster._stores.values()
    return only._watch


def until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def waiting(
    pool: ThreadPoolExecutor, namespace: Namespace, backend: KubernetesBackend, *names: str, **wait: Any
) -> "list[Future[KubernetesResult]]":
    """Waits for each in a thread of its own, until all have the state of their task."""
    results = [backend.get_result(name) for name in names]
    futures = [pool.submit(result.wait, wait.get("timeout", SECONDS)) for result in results]

    def all_read() -> bool:
        subscriptions = the_watch()._all()
        return len(subscriptions) == len(names) and all(one.version for one in subscriptions)

    until("all wait", lambda: namespace.open == 1 and all_read())
    return futures
