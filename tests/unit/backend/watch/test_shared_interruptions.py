"""The one watch of a process, where it ends, is refused, or the API server is away."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes import exceptions as e
from tests.unit.backend.namespace import Namespace
from tests.unit.backend.watch.waiters import SECONDS, until, waiting


@pytest.mark.parametrize("end", [Namespace.cut, Namespace.expire])
def test_wait_survives_a_watch_that_ends(
    end: Callable[[Namespace], None], namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    names = ["t1", "t2", "t3"]
    for name in names:
        namespace.put(name)
    futures = waiting(pool, namespace, backend, *names)
    for name, future in zip(names, futures, strict=True):
        namespace.away = True
        end(namespace)
        until("the watch has ended", lambda: namespace.open == 0)
        namespace.put(name, "Succeeded", result="1")
        end(namespace)
        namespace.away = False
        assert future.result(SECONDS).return_value == 1


def test_wait_timeout_names_why_the_watch_is_interrupted(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1")
    (future,) = waiting(pool, namespace, backend, "t1", timeout=1.5)
    namespace.away = True
    namespace.cut()
    with pytest.raises(
        e.WaitTimeout, match=r"it is READY, .* no operator .* The watch is interrupted: The API server at .* no answer"
    ):
        future.result(SECONDS)


def test_wait_begins_while_the_server_is_unavailable(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1")
    result = backend.get_result("t1")
    namespace.away = True
    future = pool.submit(result.wait, SECONDS)
    until("it was asked", lambda: len(namespace.calls("list")) > 2)
    namespace.put("t1", "Succeeded", result="1")
    namespace.away = False
    assert future.result(SECONDS).return_value == 1


def test_wait_raises_for_a_deleted_task(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    for name in ("t1", "t2", "t3"):
        namespace.put(name)
    one, two, three = waiting(pool, namespace, backend, "t1", "t2", "t3")
    # Finished, and gone before anybody looked: how it ended is what counts.
    namespace.put("t3", "Succeeded", result="3")
    namespace.delete("t3")
    assert three.result(SECONDS).return_value == 3
    namespace.delete("t1")
    with pytest.raises(TaskResultDoesNotExist, match="t1"):
        one.result(SECONDS)
    namespace.delete("t2")
    namespace.expire()
    with pytest.raises(TaskResultDoesNotExist, match="t2"):
        two.result(SECONDS)


@pytest.mark.parametrize("verb", ["list", "watch", "get"])
def test_wait_raises_for_a_missing_permission(namespace: Namespace, backend: KubernetesBackend, verb: str) -> None:
    namespace.put("t1")
    result = backend.get_result("t1")
    namespace.forbidden.add(verb)
    with pytest.raises(e.PermissionDenied, match=f"cannot {verb} .*kubectl create role"):
        result.wait(SECONDS)
    namespace.forbidden.clear()
    namespace.put("t1", "Succeeded")
    assert result.wait(SECONDS).is_finished, "granted since"


@pytest.mark.parametrize("others", [1, 20])
def test_a_task_that_may_not_be_seen_ends_no_other_wait(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor, others: int
) -> None:
    """Whether tasks are read one by one, or as a list, which it is not in."""
    names = [f"t{number}" for number in range(others)]
    for name in (*names, "foreign"):
        namespace.put(name)
    results = [backend.get_result(name) for name in (*names, "foreign")]
    namespace.hidden.add("foreign")
    *waits, foreign = [pool.submit(result.wait, SECONDS) for result in results]
    with pytest.raises(e.PermissionDenied):
        foreign.result(SECONDS)
    for name in names:
        namespace.put(name, "Succeeded")
    assert all(wait.result(SECONDS).is_finished for wait in waits)


def test_watch_of_a_queue_lists_again_after_a_gap(
    namespace: Namespace, backend: KubernetesBackend, pool: ThreadPoolExecutor
) -> None:
    namespace.put("t1")
    changes = iter(backend.watch(queue="default"))
    assert next(changes).id == "t1"
    namespace.put("t0", queue="mail")
    namespace.put("t2")
    assert next(changes).id == "t2"
    until("it is watched", lambda: namespace.open == 1)
    namespace.away = True
    namespace.cut()
    namespace.put("t1", "Running")
    namespace.delete("t2")
    namespace.expire()
    namespace.away = False
    changed = next(changes)
    assert (changed.id, changed.status) == ("t1", "RUNNING")
