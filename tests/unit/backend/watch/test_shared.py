"""The one watch of all who wait in a process, with an API server on the loopback."""

import asyncio
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.watch import shared
from tests.unit.backend.namespace import Namespace
from tests.unit.backend.watch.waiters import SECONDS, the_watch, until, waiting, watch_threads


def test_wait_returns_the_result_of_a_task_that_finishes(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1")
    (future,) = waiting(pool, namespace, backend, "t1")
    namespace.put("t1", "Running")
    namespace.put("t1", "Succeeded", result="[1]")
    assert future.result(SECONDS).return_value == [1]


def test_get_raises_for_a_task_that_had_failed_before(namespace: Namespace, backend: KubernetesBackend) -> None:
    namespace.put("t1")
    result = backend.get_result("t1")
    namespace.put("t1", "Failed", reason="OOMKilled")
    with pytest.raises(e.TaskFailed, match="OOMKilled"):
        result.get(SECONDS)


def test_many_waiters_share_one_watch_and_one_list(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    names = [f"t{number}" for number in range(60)]
    for name in names:
        namespace.put(name)
    results = [backend.get_result(name) for name in names]
    namespace.away = True
    futures = [pool.submit(result.wait, SECONDS) for result in results]
    until("all wait", lambda: len(the_watch()._named) == 60)
    namespace.away = False
    until("it is watched", lambda: namespace.open == 1)
    for name in names:
        namespace.put(name, "Succeeded", result="1")
    assert [future.result(SECONDS).return_value for future in futures] == [1] * 60
    assert len(namespace.calls("watch")) == 1
    assert len(namespace.calls("get")) == 60, "the test's own"
    # None, where the watch brought all of them first.
    assert sum("limit=20" in call.path for call in namespace.calls("list")) <= 1


def test_few_waiters_in_a_large_namespace_read_one_by_one(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    for number in range(500):
        namespace.put(f"other{number}")
    names = [f"t{number}" for number in range(12)]
    for name in names:
        namespace.put(name, "Succeeded", result="1")
    futures = [pool.submit(lambda name: list(backend.watch(name)), name) for name in names]
    assert [future.result(SECONDS)[-1].id for future in futures] == names
    assert all("limit=1&" in call.path + "&" for call in namespace.calls("list")), "no list of all"


def test_coroutines_share_the_watch(namespace: Namespace, backend: KubernetesBackend) -> None:
    names = [f"t{number}" for number in range(60)]
    for name in names:
        namespace.put(name)
    results = [backend.get_result(name) for name in names]
    already = threading.active_count()

    async def main() -> list[Any]:
        waiters = [asyncio.ensure_future(result.aget(SECONDS)) for result in results]
        await asyncio.to_thread(until, "it is watched", lambda: namespace.open == 1)
        threads = threading.active_count() - already
        for name in names:
            namespace.put(name, "Succeeded", result="1")
        found = await asyncio.gather(*waiters)
        assert threads < 40, "no thread for each, on either side"
        return found

    assert asyncio.run(main()) == [1] * 60
    assert len(namespace.calls("watch")) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            {"reason": "QueueNotFound", "message": "There is no such queue."},
            "READY, QueueNotFound: There is no such queue",
        ),
        ({"reason": "Queued"}, "READY, Queued"),
        ({}, "READY, its queue is full, held or suspended, or no operator watches the namespace"),
    ],
)
def test_wait_says_what_the_task_waits_for(
    namespace: Namespace, backend: KubernetesBackend, status: dict[str, Any], words: str
) -> None:
    namespace.put("t1", "Queued", **status)
    with pytest.raises(e.WaitTimeout, match=rf"it is {words}\.$"):
        backend.get_result("t1").wait(0.05)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_wait_with_no_time_looks_once(namespace: Namespace, backend: KubernetesBackend, asynchronous: bool) -> None:
    """See https://github.com/celery/celery/issues/5240: what is finished is no timeout."""
    namespace.put("t1")
    result = backend.get_result("t1")
    with pytest.raises(e.WaitTimeout, match="it is READY"):
        result.wait(0)
    namespace.put("t1", "Succeeded", result="1")
    assert (asyncio.run(result.aget(0)) if asynchronous else result.get(0)) == 1


def test_wait_times_out(namespace: Namespace, backend: KubernetesBackend) -> None:
    namespace.put("t1", "Running", attempts=[{"number": 1, "pod": "p", "startedAt": "2026-11-23T04:00:00Z"}])
    result = backend.get_result("t1")
    with pytest.raises(
        e.WaitTimeout, match=r"t1 \(.*echo\) is not finished after 0\.05 s .*: it is RUNNING \(attempt 1\)"
    ):
        result.wait(0.05)
    with pytest.raises(TimeoutError):
        asyncio.run(result.await_(0.05))


def test_watch_selects_the_one_queue_of_its_subscriptions(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1", queue="mail")
    namespace.put("t2", queue="other")
    (one,) = waiting(pool, namespace, backend, "t1")
    namespace.put("t2", "Running", queue="other")
    two = pool.submit(backend.get_result("t2").wait, SECONDS)
    until("all queues are watched", lambda: len(namespace.calls("watch")) == 2)
    for name, queue in (("t1", "mail"), ("t2", "other")):
        namespace.put(name, "Succeeded", queue=queue)
    assert one.result(SECONDS).is_finished
    assert two.result(SECONDS).is_finished
    assert ["fieldSelector=spec.queue%3Dmail" in call.path for call in namespace.calls("watch")] == [True, False]


def test_watch_lingers_after_the_last_subscription(
    namespace: Namespace, backend: KubernetesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LINGER_SECONDS", 0.05)
    namespace.put("t1", "Succeeded")
    for times in (1, 2):
        assert [result.status for result in backend.watch("t1")] == ["SUCCESSFUL"]
        until("the watch has ended", lambda: not watch_threads())
        assert len(namespace.calls("watch")) <= times


def test_watch_is_reused_by_the_next_subscription(namespace: Namespace, backend: KubernetesBackend) -> None:
    namespace.put("t1", "Succeeded")
    for _ in range(5):
        assert [result.status for result in backend.watch("t1")] == ["SUCCESSFUL"]
    assert len(namespace.calls("watch")) <= 1
    assert len(namespace.calls("list")) == 1


def test_forked_child_has_a_watch_of_its_own(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    """As the workers of a server that has loaded the project, and waited for something, before it forked."""
    namespace.put("t1")
    namespace.put("t2")
    (future,) = waiting(pool, namespace, backend, "t1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which a child has not
        child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if backend.get_result("t2").get(SECONDS) == 2 else 2
        finally:
            os._exit(status)
    until("two watches", lambda: namespace.open == 2)
    namespace.put("t2", "Succeeded", result="2")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    namespace.put("t1", "Succeeded", result="1")
    assert future.result(SECONDS).return_value == 1


def test_watch_repeats_the_last_result(namespace: Namespace, backend: KubernetesBackend) -> None:
    namespace.put("t1", "Running")
    changes = iter(backend.watch("t1", repeat=0.1))
    assert [next(changes).status for _ in range(3)] == ["RUNNING"] * 3
