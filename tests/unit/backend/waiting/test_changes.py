"""wait(), get() and watch() with the cluster in memory, where waiting makes the tasks run."""

import asyncio
import pickle
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.tasks import task_backends
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes import KubernetesBackend
from django_tasks_kubernetes.exceptions import TaskFailed, WaitTimeout
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.testing import InMemoryCluster
from tests.unit.backend import tasks

HOUR = timedelta(hours=1)


def enqueued(task: Any, *args: Any) -> KubernetesResult:
    result: KubernetesResult = task.enqueue(*args)
    return result


def backend() -> KubernetesBackend:
    found = task_backends["default"]
    assert isinstance(found, KubernetesBackend)
    return found


def statuses(results: list[KubernetesResult]) -> list[str]:
    return [result.status for result in results]


async def collected(changes: Any) -> list[KubernetesResult]:
    return [result async for result in changes]


def test_wait_returns_the_result_itself(cluster: InMemoryCluster) -> None:
    result = enqueued(tasks.echo, 1)
    assert result.wait() is result
    assert result.return_value == {"args": [1], "kwargs": {}}
    cluster.resources.clear()
    assert result.wait() is result, "a finished one asks nobody"


def test_wait_returns_a_failed_result(cluster: InMemoryCluster) -> None:
    assert enqueued(tasks.fails, "out of stock").wait(60).status == "FAILED"


def test_get_returns_what_the_task_returned(cluster: InMemoryCluster) -> None:
    assert enqueued(tasks.returns, "nothing").get() is None
    assert enqueued(tasks.returns, "tuple").get(timeout=HOUR) == [1, [2, "bytes"]]


def test_get_raises_what_the_task_failed_with(cluster: InMemoryCluster) -> None:
    result = enqueued(tasks.fails, "out of stock")
    with pytest.raises(TaskFailed, match=r"tasks\.fails\) failed: .*Refused: out of stock$") as caught:
        result.get()
    assert caught.value.result is result
    if django.VERSION >= (6, 1):  # before, tasks cannot be pickled, nor what holds one
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_await_and_aget_do_the_same(cluster: InMemoryCluster) -> None:
    async def main() -> None:
        first, second = enqueued(tasks.echo, 1), enqueued(tasks.async_fails)
        assert await first.await_(5) is first
        assert (await first.aget())["args"] == [1]
        with pytest.raises(TaskFailed):
            await second.aget()

    asyncio.run(main())


def test_wait_in_memory_refuses_a_task_that_is_not_due(cluster: InMemoryCluster) -> None:
    at = datetime.now(UTC) + HOUR
    result = enqueued(tasks.echo.using(run_after=at))
    with pytest.raises(WaitTimeout, match="Call run_pending"):
        result.wait()
    cluster.run_pending(now=at)
    assert result.wait().is_finished


def test_wait_raises_for_a_task_that_does_not_exist(cluster: InMemoryCluster) -> None:
    result = enqueued(tasks.echo)
    cluster.resources.clear()
    with pytest.raises(TaskResultDoesNotExist, match=result.id):
        result.wait()
    with pytest.raises(TaskResultDoesNotExist):
        asyncio.run(result.await_())


@pytest.mark.parametrize("timeout", [-1, float("nan"), timedelta(seconds=-1), "5", True])
def test_wait_refuses_a_wrong_timeout(cluster: InMemoryCluster, timeout: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="timeout must be"):
        enqueued(tasks.echo).wait(timeout)


def test_wait_refuses_to_block_an_event_loop(cluster: InMemoryCluster) -> None:
    async def main() -> None:
        with pytest.raises(SynchronousOnlyOperation, match="await_"):
            enqueued(tasks.echo).wait()
        with pytest.raises(SynchronousOnlyOperation):
            list(backend().watch())

    asyncio.run(main())


def test_watch_of_a_task_ends_with_it(cluster: InMemoryCluster) -> None:
    result = enqueued(tasks.echo)
    (*before, last) = backend().watch(result.id)
    assert last == result.wait()
    assert set(statuses(before)) <= {"READY", "RUNNING"}
    assert list(backend().watch(result.id)) == [last], "one that is finished"
    assert asyncio.run(collected(backend().watch(enqueued(tasks.fails).id)))[-1].status == "FAILED"


def test_watch_of_a_queue_begins_with_its_tasks(cluster: InMemoryCluster) -> None:
    first, _, third = tasks.echo.enqueue(1), tasks.attempt.enqueue(), tasks.returns.enqueue("nothing")
    changes = iter(backend().watch(queue="default"))
    assert {next(changes).id, next(changes).id} == {first.id, third.id}
    cluster.run_pending()
    assert statuses([next(changes), next(changes)]) == ["SUCCESSFUL"] * 2
    tasks.attempt.enqueue()
    added = tasks.echo.enqueue()
    assert next(changes).id == added.id
    only = iter(backend().watch(task=tasks.returns))
    assert next(only).id == third.id


def test_watch_takes_an_id_or_a_filter(cluster: InMemoryCluster) -> None:
    result = enqueued(tasks.echo)
    for wrong in ({"queue": "default"}, {"task": tasks.echo}):
        with pytest.raises(TypeError, match="not both"):
            backend().watch(result.id, **wrong)
    with pytest.raises(TypeError, match="together with an id"):
        backend().watch(repeat=5)
    with pytest.raises(TaskResultDoesNotExist):
        backend().watch("No Such Id")


def test_watch_that_is_closed_unsubscribes(cluster: InMemoryCluster) -> None:
    async def main() -> None:
        changes = aiter(backend().watch(queue="default"))
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    changes: Any = iter(backend().watch(queue="default"))
    tasks.echo.enqueue()
    next(changes)
    changes.close()
    assert cluster._subscriptions == set()


def test_slow_reader_of_watch_gets_the_newest_state(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue()
    changes = iter(backend().watch(queue="default"))
    assert next(changes).status == "READY"
    thread = threading.Thread(target=cluster.run_pending, daemon=True)
    thread.start()
    thread.join()
    assert next(changes) == backend().get_result(result.id)
