"""enqueue_chunks(): many small calls, so many in one task."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterator
from typing import Any, assert_type

import pytest
from django.tasks import task_backends
from django.tasks.exceptions import InvalidTask
from django.test import override_settings

from django_tasks_kubernetes.chunks import ChunkResults, aenqueue_chunks, enqueue_chunks
from django_tasks_kubernetes.decorators import task
from django_tasks_kubernetes.exceptions import (
    ApiUnavailable,
    ChunksNotAccepted,
    ItemsFailed,
    NotFinished,
    OutOfMemory,
    PayloadTooLarge,
)
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from djangotasks_api.bounds import CHUNK

LOCAL = {"default": {"BACKEND": "django_tasks_kubernetes.LocalBackend", "QUEUES": []}}
IMMEDIATE = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend", "QUEUES": []}}
BROKEN = {7}


@pytest.fixture(autouse=True)
def broken() -> set[int]:
    """The items that fail."""
    BROKEN.clear()
    BROKEN.add(7)
    return BROKEN


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with in_memory() as found:
        yield found


@task
def half(number: int) -> float:
    if number in BROKEN:
        raise ValueError(f"no {number}")
    return number / 2


@task
async def half_async(number: int) -> float:
    return number / 2


@task
def power(number: int, exponent: int, *, minus: int = 0) -> int:
    return int(number**exponent) - minus


def test_results_are_one_list_in_the_order_of_the_items(cluster: InMemoryCluster) -> None:
    results = enqueue_chunks(half, iter(range(7)), size=3)
    assert_type(results, ChunkResults[float])
    assert_type(enqueue_chunks(half_async, [1]), ChunkResults[float])
    assert (len(results), results.total, results.is_finished) == (3, 7, False)
    # They are enqueued beside each other, and so in any order.
    assert sorted(resource["spec"]["chunk"]["size"] for resource in list(cluster.resources.values())[:3]) == [1, 3, 3]
    values = results.get()
    assert_type(values, list[float])
    assert values == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert (results.is_finished, results.failed) == (True, [])


def test_further_arguments_are_the_same_for_each_item(cluster: InMemoryCluster) -> None:
    assert enqueue_chunks(power, [2, 3], 2, kwargs={"minus": 1}).get() == [3, 8]


def test_no_items_are_no_tasks(cluster: InMemoryCluster) -> None:
    results = enqueue_chunks(half, [])
    assert (results.get(), results.failed, len(results.retry()), dict(cluster.resources)) == ([], [], 0, {})


def test_the_items_that_failed_are_named_and_the_others_have_their_results(cluster: InMemoryCluster) -> None:
    results = enqueue_chunks(half, range(10), size=5).wait()
    assert results.return_values == [0, 0.5, 1, 1.5, 2, 2.5, 3, None, 4, 4.5]
    ((index, item, error),) = [(found.index, found.item, found.error) for found in results.failed]
    assert (index, item, error.exception_class) == (7, 7, ValueError)
    assert [result.status for result in results] == ["SUCCESSFUL", "FAILED"]
    with pytest.raises(ItemsFailed, match=r"1 of 10 items failed\. Item 7: ValueError: no 7"):
        results.get()


def test_the_items_that_failed_are_retried_alone(cluster: InMemoryCluster, broken: set[int]) -> None:
    results = enqueue_chunks(half.using(priority=5), [0, 7, 2, 7, 4], size=3)
    with pytest.raises(NotFinished):
        results.retry()
    results.wait()
    broken.clear()
    again = results.retry()
    assert [result.args for result in again] == [[[7]], [[7]]]
    assert [(result.task.priority, cluster.resources[result.id]["spec"]["retryOf"]) for result in again] == [
        (5, results[0].id), (5, results[1].id),
    ]  # fmt: skip
    assert again.get() == [3.5, 3.5]


def test_chunks_are_found_again_by_their_ids(cluster: InMemoryCluster) -> None:
    results = enqueue_chunks(half, range(8), size=4).wait()
    backend: Any = task_backends["default"]
    found = backend.get_chunks(pickle.loads(pickle.dumps(results.ids)))
    assert (found.return_values, [each.index for each in found.failed]) == (results.return_values, [7])
    result = backend.get_result(results.ids[0])
    assert result.args == [[0, 1, 2, 3]]


def test_chunks_that_cannot_run_have_failed_with_all_items(cluster: InMemoryCluster) -> None:
    results = enqueue_chunks(half, [1, 2, 3], size=2)
    cluster.fail(results.ids[0], "OOMKilled")
    results.wait()
    assert results.return_values == [None, None, 1.5]
    assert [(found.index, found.error.exception_class) for found in results.failed] == [
        (0, OutOfMemory), (1, OutOfMemory),
    ]  # fmt: skip
    assert results.retry().get() == [0.5, 1]


def test_chunks_that_are_not_over_are_cancelled(cluster: InMemoryCluster) -> None:
    results = enqueue_chunks(half, [1, 2, 3], size=2)
    results.cancel("not needed")
    results.refresh()
    assert [result.status for result in results] == ["FAILED", "FAILED"]
    assert (results.return_values, len(results.failed)) == ([None, None, None], 3)


def test_async_code_has_the_same(cluster: InMemoryCluster) -> None:
    async def story() -> list[Any]:
        results = await aenqueue_chunks(half, [1, 2], size=1)
        assert_type(results, ChunkResults[float])
        return results.ids

    assert len(asyncio.run(story())) == 2


def test_a_local_backend_runs_chunks(broken: set[int]) -> None:
    with override_settings(TASKS=LOCAL):
        results = enqueue_chunks(half, [1, 7, 2], size=2)
        assert results.return_values == [0.5, None, 1]
        broken.clear()
        assert results.retry().get() == [3.5]


@pytest.mark.parametrize(
    ("task", "items", "size", "error", "words"),
    [
        (half, [1], 0, ValueError, "size must be a whole number from 1 to 10,000, not 0"),
        (half, [1], CHUNK.most + 1, ValueError, "size must be"),
        (half, [1], True, ValueError, "size must be"),
        (half, [1], 2.0, ValueError, "size must be"),
        (half, "12", 1, TypeError, "a list of items, not of str"),
        (half, {"a": 1}, 1, TypeError, "a list of items, not of dict"),
        (half, [1, 2, object()], 2, TypeError, r"items\[2:3\]\[0\]: object is not JSON"),
        (half, [1, float("nan")], 2, ValueError, r"items\[0:2\]\[1\]"),
        (half, ["x" * 100_000], 1, PayloadTooLarge, "Or put fewer items in a chunk"),
        (len, [1], 1, InvalidTask, "has no chunks"),
        (half.using(idempotency_key="a"), [1], 1, ValueError, "no idempotency_key"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_created(
    cluster: InMemoryCluster, task: Any, items: Any, size: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        enqueue_chunks(task, items, size=size)
    assert not cluster.resources


def test_a_backend_without_chunks_says_so() -> None:
    with override_settings(TASKS=IMMEDIATE), pytest.raises(InvalidTask, match="has no chunks"):
        enqueue_chunks(half, [1])


def test_chunks_that_were_accepted_are_not_lost(cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    create = type(cluster).create

    def fails(self: Any, resource: Any) -> Any:
        if "[7]" in resource["spec"]["payload"]:
            raise ApiUnavailable("away")
        return create(self, resource)

    monkeypatch.setattr(type(cluster), "create", fails)
    with pytest.raises(ChunksNotAccepted, match=r"1 of 2 chunks were not accepted. The first: away") as caught:
        enqueue_chunks(half, [1, 7], size=1)
    assert [result.args for result in caught.value.accepted] == [[[1]]]


def test_a_task_that_is_no_chunk_has_no_items(cluster: InMemoryCluster) -> None:
    result = half.enqueue(1)
    backend: Any = task_backends["default"]
    with pytest.raises(TypeError, match="is no chunk"):
        _ = backend.get_chunks([result.id]).total
