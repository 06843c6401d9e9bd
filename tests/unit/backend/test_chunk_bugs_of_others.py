"""Chunks, by what went wrong where many tasks were handled as one elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.chunks import ChunkResults, enqueue_chunks
from django_tasks_kubernetes.decorators import task
from django_tasks_kubernetes.exceptions import ApiUnavailable, ChunksNotAccepted
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with in_memory() as found:
        yield found


@task
def fails_if_odd(number: int) -> int:
    if number % 2:
        raise ValueError(f"no {number}")
    return number


def one_is_deleted(cluster: InMemoryCluster) -> ChunkResults[int]:
    """Three chunks that are enqueued, of which the first is deleted."""
    results = enqueue_chunks(fails_if_odd, [2, 4, 6], size=1)
    cluster.remove(results.ids[0])
    return results


def test_a_repetition_that_breaks_off_loses_none_that_was_accepted(
    cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said to be one is many requests, of which one fails: https://github.com/taskforcesh/bullmq/issues/3451"""
    results = enqueue_chunks(fails_if_odd, [1, 3, 5], size=1).wait()
    create = type(cluster).create

    def fails(self: Any, resource: Any) -> Any:
        if "[3]" in resource["spec"]["payload"]:
            raise ApiUnavailable("away")
        return create(self, resource)

    monkeypatch.setattr(type(cluster), "create", fails)
    with pytest.raises(ChunksNotAccepted, match=r"1 of 3 chunks were not accepted. The first: away") as caught:
        results.retry()
    assert [result.args for result in caught.value.accepted] == [[[1]], [[5]]]


def test_a_chunk_that_was_deleted_keeps_no_other_from_being_cancelled(cluster: InMemoryCluster) -> None:
    """Results go by themselves after a while: https://github.com/Bogdanp/dramatiq/issues/548"""
    results = one_is_deleted(cluster)
    results.cancel("not needed")
    assert [result.status for result in results] == ["READY", "FAILED", "FAILED"]


def test_what_was_read_of_an_end_stays(cluster: InMemoryCluster) -> None:
    """https://github.com/Bogdanp/dramatiq/issues/548"""
    results = enqueue_chunks(fails_if_odd, [2, 4, 6], size=1).wait()
    cluster.remove(results.ids[0])
    results.refresh()
    assert results.return_values == [2, 4, 6]
    with pytest.raises(TaskResultDoesNotExist):
        one_is_deleted(cluster).refresh()
