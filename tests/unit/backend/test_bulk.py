"""enqueue_many(): what is accepted, what is not, and how many at once."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.tasks import default_task_backend
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.bulk import create_all
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from tests.unit.backend import tasks

BACKEND: Any = default_task_backend
ECHO: Any = tasks.echo


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with in_memory() as cluster:
        yield cluster


class Store:
    """Refuses what `refused` names, and counts who is in it at once."""

    def __init__(self, refused: dict[int, Exception] | None = None) -> None:
        self.refused = refused or {}
        self.asked: list[int] = []
        self.inside = self.most = 0
        self._lock = threading.Lock()
        self._full = threading.Event()

    def create(self, resource: Any) -> Any:
        with self._lock:
            self.asked.append(resource)
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside == 3:
                self._full.set()
        self._full.wait(5)
        with self._lock:
            self.inside -= 1
        if resource in self.refused:
            raise self.refused[resource]
        return None

    get = cancel = find = create


def create(store: Any, resources: Any, concurrency: int = 3) -> Any:
    return create_all(store.create, resources, concurrency)


def test_every_call_has_its_result(cluster: InMemoryCluster) -> None:
    report = BACKEND.enqueue_many((ECHO, (number,)) for number in range(100))
    assert [result.args for result in report.results] == [[number] for number in range(100)]
    assert (report.accepted, report.not_accepted) == (report.results, [])
    assert set(cluster.resources) == {result.id for result in report.results}
    report.raise_for_not_accepted()


def test_calls_with_and_without_arguments(cluster: InMemoryCluster) -> None:
    report = asyncio.run(BACKEND.aenqueue_many([(ECHO,), (ECHO, [1]), (ECHO, (), {"a": 2})], concurrency=1))
    assert [(result.args, result.kwargs) for result in report.results] == [([], {}), ([1], {}), ([], {"a": 2})]


def test_what_is_wrong_is_reported_and_the_rest_is_enqueued(cluster: InMemoryCluster) -> None:
    wrong = [(ECHO, (object(),)), (ECHO, ("x" * 100_000,)), (), (tasks.renamed, ())]
    report = BACKEND.enqueue_many([(ECHO, (1,)), *wrong, (ECHO, (2,))])
    assert [(failure.index, type(failure.error)) for failure in report.not_accepted] == [
        (1, TypeError), (2, exceptions.PayloadTooLarge), (3, TypeError), (4, InvalidTask)]  # fmt: skip
    assert [result and result.args for result in report.results] == [[1], None, None, None, None, [2]]
    assert [failure.call for failure in report.not_accepted] == wrong
    assert len(report.accepted) == len(cluster.resources) == 2
    with pytest.raises(ExceptionGroup, match="4 of 6 tasks were not accepted") as caught:
        report.raise_for_not_accepted()
    assert caught.group_contains(exceptions.PayloadTooLarge)


def test_the_signal_is_sent_here_and_for_what_is_new(cluster: InMemoryCluster) -> None:
    seen: list[tuple[str, int]] = []

    def receiver(task_result: Any, **_: Any) -> None:
        seen.append((task_result.id, threading.get_ident()))

    task_enqueued.connect(receiver)
    try:
        report = BACKEND.enqueue_many([(ECHO.using(idempotency_key=key),) for key in ("a", "b", "a")], concurrency=1)
    finally:
        task_enqueued.disconnect(receiver)
    first, second, third = report.results
    assert first.id == third.id
    assert seen == [(first.id, threading.get_ident()), (second.id, threading.get_ident())]


@pytest.mark.parametrize("concurrency", [0, -1, 65, True])
def test_the_concurrency_is_bounded(concurrency: Any) -> None:
    with pytest.raises(ValueError, match="concurrency must be a whole number from 1 to 64"):
        BACKEND.enqueue_many([], concurrency=concurrency)


def test_so_many_at_once_and_no_more() -> None:
    store = Store()
    done, failed = create(store, range(50))
    assert (sorted(done), failed, store.most) == (list(range(50)), [], 3)


def test_one_refusal_is_one_failure() -> None:
    refused = exceptions.TaskRefused("no")
    done, failed = create(Store({7: refused}), range(20))
    assert (sorted(done), failed) == ([n for n in range(20) if n != 7], [(7, refused)])


def test_a_cluster_that_takes_none_is_not_asked_for_all() -> None:
    away = exceptions.ApiUnavailable("away")
    store = Store(dict.fromkeys(range(10, 1000), away))
    done, failed = create(store, range(1000))
    assert set(done) <= set(range(10))
    assert [index for index, _ in failed] == sorted(set(range(1000)) - set(done))
    assert {error for _, error in failed} == {away}
    assert len(store.asked) < 20


def test_a_generator_is_read_as_it_is_needed() -> None:
    store, read = Store(), 0

    def source() -> Iterator[int]:
        nonlocal read
        for number in range(500):
            read = number
            assert number - len(store.asked) <= 12
            yield number

    create(store, source())
    assert read == 499
