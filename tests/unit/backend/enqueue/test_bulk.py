"""enqueue_many(): what is accepted, what is not, and how many at once."""

import threading
from collections.abc import Iterator
from typing import Any

from django.tasks import default_task_backend

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.enqueue.bulk import create_all
from tests.unit.backend import tasks

BACKEND: Any = default_task_backend
ECHO: Any = tasks.echo


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
        self._full.wait(60)
        with self._lock:
            self.inside -= 1
        if resource in self.refused:
            raise self.refused[resource]
        return None

    get = cancel = find = create


def create(store: Any, resources: Any, concurrency: int = 3) -> Any:
    return create_all(store.create, resources, concurrency)


def test_create_all_keeps_its_concurrency() -> None:
    store = Store()
    done, failed = create(store, range(50))
    assert (sorted(done), failed, store.most) == (list(range(50)), [], 3)


def test_create_all_goes_on_after_one_failure() -> None:
    refused = exceptions.TaskRefused("no")
    done, failed = create(Store({7: refused}), range(20))
    assert (sorted(done), failed) == ([n for n in range(20) if n != 7], [(7, refused)])


def test_create_all_stops_after_a_systemic_error() -> None:
    away = exceptions.ApiUnavailable("away")
    store = Store(dict.fromkeys(range(10, 1000), away))
    done, failed = create(store, range(1000))
    assert set(done) <= set(range(10))
    assert [index for index, _ in failed] == sorted(set(range(1000)) - set(done))
    assert {error for _, error in failed} == {away}
    assert len(store.asked) < 20


def test_create_all_reads_a_generator_lazily() -> None:
    store, read = Store(), 0

    def source() -> Iterator[int]:
        nonlocal read
        for number in range(500):
            read = number
            assert number - len(store.asked) <= 12
            yield number

    create(store, source())
    assert read == 499
