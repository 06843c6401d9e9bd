"""What the operator remembers of what it saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from djangotasks_api.models import DjangoTaskQueue, TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.kinds import QUEUE_SOURCE
from djangotasks_operator.cache.store import Store
from djangotasks_operator.cache.subscriber import Subscriber
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.decide.snapshot import Snapshot
from tests.support.builders import NAMESPACE, at, make_attempt, make_job, make_pod, make_queue, make_task

KEY = Key(NAMESPACE, "receipt")


class Changes(Subscriber):
    """Keeps what changed."""

    def __init__(self) -> None:
        self.tasks: list[Key] = []
        self.queues: list[Key] = []
        self.dropped_from: list[Key] = []

    def task_changed(self, key: Key) -> None:
        self.tasks.append(key)

    def queue_changed(self, queue: Key) -> None:
        self.queues.append(queue)

    def task_dropped(self, queue: Key) -> None:
        self.dropped_from.append(queue)


def snapshot(store: Store) -> Snapshot:
    seen = store.snapshot(KEY, admitted=False)
    assert seen is not None
    return seen


def test_the_newer_version_stays() -> None:
    store = Store()
    store.put_task(make_task(version=10, priority=5))
    store.put_task(make_task(version=9, priority=1))
    assert snapshot(store).task.spec.priority == 5
    store.put_task(make_task(version=11, priority=2))
    assert snapshot(store).task.spec.priority == 2


def test_a_deleted_pods_attempt_is_lost() -> None:
    store = Store()
    store.put_task(make_task())
    store.put_job(make_job())
    store.put_pod(make_pod())
    store.drop_pod(make_pod())
    assert (len(snapshot(store).pods), snapshot(store).lost) == (0, frozenset({1}))


def test_an_answer_that_was_on_its_way_does_not_bring_back_what_is_gone() -> None:
    """A read of the Pod, answered before its deletion, and cached after the event of it."""
    store = Store()
    store.put_task(make_task())
    store.put_job(make_job())
    store.put_pod(make_pod())
    store.drop_pod(make_pod(resource_version="9"))
    store.drop_job(make_job(resource_version="9"))
    store.put_pod(make_pod(resource_version="8"))
    store.put_job(make_job(resource_version="8"))
    assert (snapshot(store).pods, snapshot(store).jobs) == ({}, {})
    store.put_pod(make_pod(uid="another", resource_version="10"))
    assert list(snapshot(store).pods) == [1]


def test_the_deletion_of_another_pod_of_the_same_name_is_not_taken_for_ours() -> None:
    store = Store()
    store.put_task(make_task())
    store.put_pod(make_pod(uid="new"))
    store.drop_pod(make_pod(uid="old", task_uid="an earlier task"))
    assert (list(snapshot(store).pods), snapshot(store).lost) == ([1], frozenset())


def test_jobs_of_an_earlier_task_of_the_same_name_are_not_shown() -> None:
    store = Store()
    store.put_job(make_job(task_uid="an earlier task"))
    store.put_pod(make_pod(task_uid="an earlier task"))
    store.put_task(make_task())
    assert (snapshot(store).jobs, snapshot(store).pods) == ({}, {})


def test_a_new_task_of_the_same_name_has_lost_nothing() -> None:
    store = Store()
    store.put_task(make_task(uid="first"))
    store.put_pod(make_pod(task_uid="first"))
    store.drop_pod(make_pod(task_uid="first"))
    store.put_task(make_task(uid="second", version=2))
    assert snapshot(store).lost == frozenset()


def test_nothing_is_kept_of_what_is_gone() -> None:
    store = Store()
    task = make_task()
    store.put_task(task)
    store.put_job(make_job())
    store.drop_task(task)
    assert store.snapshot(KEY, admitted=False) is None
    assert len(store) == 1
    store.drop_job(make_job())
    assert len(store) == 0


CHANGES: dict[str, tuple[Callable[[Store], None], list[str]]] = {
    "a task": (lambda store: store.put_task(make_task(version=2)), ["receipt"]),
    "a task that is known": (lambda store: store.put_task(make_task(version=1)), []),
    "a task that is gone": (lambda store: store.drop_task(make_task()), ["receipt"]),
    "another of the same name, gone before": (lambda store: store.drop_task(make_task(uid="earlier")), []),
    "a job": (lambda store: store.put_job(make_job(resource_version="2")), ["receipt"]),
    "a job that is known": (lambda store: store.put_job(make_job()), []),
    "a job that is gone": (lambda store: store.drop_job(make_job()), ["receipt"]),
    "a pod": (lambda store: store.put_pod(make_pod(resource_version="2")), ["receipt"]),
    "a pod that is known": (lambda store: store.put_pod(make_pod()), []),
    "a pod that is gone": (lambda store: store.drop_pod(make_pod()), ["receipt"]),
    "a pod of nobody": (lambda store: store.drop_pod(make_pod(task="unknown")), []),
    "a queue": (lambda store: store.put_queue(with_version(make_queue(), "2", generation=2)), ["default"]),
    "a queue's status": (lambda store: store.put_queue(with_version(make_queue(), "2")), []),
    "a queue that was recreated": (
        lambda store: store.put_queue(with_version(make_queue(), "2", uid="n")),
        ["default"],
    ),
    "a queue that is known": (lambda store: store.put_queue(with_version(make_queue(), "1")), []),
    "a queue that is gone": (lambda store: store.drop_queue(Key(NAMESPACE, "default"), "uid-of-default"), ["default"]),
    "another queue": (lambda store: store.put_queue(make_queue("other")), ["other"]),
}


def with_version(queue: DjangoTaskQueue, version: str, **metadata: Any) -> DjangoTaskQueue:
    metadata = {"resource_version": version, "generation": 1} | metadata
    return queue.model_copy(update={"metadata": queue.metadata.model_copy(update=metadata)})


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_the_cached_state_is_announced(what: str) -> None:
    """And a version that is cached already is not: the event of our own write is no reason to reconcile."""
    happens, announced = CHANGES[what]
    changes = Changes()
    store = Store(changes)
    store.put_queue(with_version(make_queue(), "1"))
    store.put_task(make_task(version=1))
    store.put_job(make_job())
    store.put_pod(make_pod())
    changes.tasks.clear()
    changes.queues.clear()
    happens(store)
    assert [key.name for key in (*changes.tasks, *changes.queues)] == announced


def test_a_finished_task_keeps_no_tracebacks() -> None:
    error = {"type": "ValueError", "traceback": "long"}
    attempt = make_attempt(finished_at=at(0)).model_copy(update={"error": error})
    store = Store()
    store.put_task(make_task(status=TaskStatus(phase=Phase.FAILED, attempts=[attempt])))
    assert snapshot(store).task.status.attempts[0].error is None


@pytest.mark.parametrize("type_", ["MODIFIED", "DELETED"])
def test_a_queue_that_cannot_be_read_any_more_is_as_good_as_none(type_: str) -> None:
    """Its tasks wait, and are reconciled."""
    changes = Changes()
    changed, store = changes.queues, Store(changes)
    store.put_queue(make_queue())
    store.put_task(make_task())
    changed.clear()
    metadata = {"name": "default", "namespace": NAMESPACE, "uid": "uid-of-default", "resourceVersion": "9"}
    QUEUE_SOURCE.apply_event(store, {"type": type_, "object": {"metadata": metadata, "spec": {"concurrency": "many"}}})
    assert store.queue(Key(NAMESPACE, "default")) is None
    assert changed == [Key(NAMESPACE, "default")]


@pytest.mark.parametrize("kind", ["task", "job", "pod", "queue"])
def test_a_late_answer_brings_back_nothing_that_was_deleted(kind: str) -> None:
    """Such as the answer to a status PATCH that was on its way."""
    store = Store()
    store.put_task(make_task(version=1))
    items: dict[str, tuple[Callable[[], object], Callable[[], object], Callable[[], object]]] = {
        "task": (
            lambda: store.drop_task(make_task(version=1)),
            lambda: store.put_task(make_task(version=9)),
            lambda: store.task(KEY),
        ),
        "job": (
            lambda: store.drop_job(make_job()),
            lambda: store.put_job(make_job(resource_version="9")),
            lambda: store.job(KEY, 1),
        ),
        "pod": (
            lambda: store.drop_pod(make_pod()),
            lambda: store.put_pod(make_pod(resource_version="9")),
            lambda: store.pod(KEY, 1),
        ),
        "queue": (
            lambda: store.drop_queue(Key(NAMESPACE, "default"), "uid-of-default"),
            lambda: store.put_queue(with_version(make_queue(), "9")),
            lambda: store.queue(Key(NAMESPACE, "default")),
        ),
    }
    drop, put, get = items[kind]
    drop()
    put()
    assert get() is None


def test_deletions_that_are_remembered_are_bounded() -> None:
    store = Tombstones(most=3)
    for uid in "abcd":
        store.add(uid)
    assert [uid in store for uid in "abcd"] == [False, True, True, True]


def test_an_answer_refutes_a_deletion_that_it_came_after() -> None:
    store = Tombstones()
    store.add("a")
    assert store.refute("a", store.count)
    assert "a" not in store
    asked_at = store.count
    store.add("a")
    assert not store.refute("a", asked_at), "deleted while the answer was on its way"
    assert "a" in store


def test_a_queue_that_has_another_ones_name_stays() -> None:
    store = Store()
    store.put_queue(with_version(make_queue(), "9", uid="second"))
    store.drop_queue(Key(NAMESPACE, "default"), "first")
    assert store.queue(Key(NAMESPACE, "default")) is not None
