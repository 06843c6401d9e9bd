"""What the operator remembers of what it saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from djangotasks_api.models import DjangoTask, DjangoTaskQueue, TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_operator.kinds import QUEUE_KIND
from djangotasks_operator.snapshot import Snapshot
from djangotasks_operator.store import Key, Store, parse_task
from tests.support.builders import NAMESPACE, at, make_attempt, make_job, make_pod, make_queue, make_task

KEY = Key(NAMESPACE, "receipt")


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


def test_what_was_deleted_is_lost() -> None:
    store = Store()
    store.put_task(make_task())
    store.put_job(make_job())
    store.put_pod(make_pod())
    store.drop_pod(make_pod())
    assert (len(snapshot(store).pods), snapshot(store).lost) == (0, frozenset({1}))


def test_an_answer_that_was_on_its_way_does_not_bring_back_what_is_gone() -> None:
    """A read of the Pod, answered before its deletion, and taken in after the news of it."""
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


def test_tasks_find_their_queue_and_queues_their_tasks() -> None:
    store = Store()
    key = Key(NAMESPACE, "reports")
    store.put_queue(make_queue("reports"))
    store.put_task(make_task("a", queue="reports"))
    store.put_task(make_task("b"))
    store.put_task(make_task("c", queue="reports", status=TaskStatus(phase=Phase.FAILED)))
    assert list(store.unfinished(key)) == [Key(NAMESPACE, "a")]
    seen = store.snapshot(Key(NAMESPACE, "a"), admitted=True)
    assert seen is not None
    assert seen.queue == make_queue("reports")


NEWS: dict[str, tuple[Callable[[Store], None], list[str]]] = {
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
    "a queue": (lambda store: store.put_queue(with_version(make_queue(), "2", generation=2)), ["receipt"]),
    "a queue's status": (lambda store: store.put_queue(with_version(make_queue(), "2")), []),
    "a queue that was made anew": (
        lambda store: store.put_queue(with_version(make_queue(), "2", uid="n")),
        ["receipt"],
    ),
    "a queue that is known": (lambda store: store.put_queue(with_version(make_queue(), "1")), []),
    "a queue that is gone": (lambda store: store.drop_queue(Key(NAMESPACE, "default")), ["receipt"]),
    "a queue of none of its tasks": (lambda store: store.put_queue(make_queue("other")), []),
}


def with_version(queue: DjangoTaskQueue, version: str, **metadata: Any) -> DjangoTaskQueue:
    metadata = {"resource_version": version, "generation": 1} | metadata
    return queue.model_copy(update={"metadata": queue.metadata.model_copy(update=metadata)})


@pytest.mark.parametrize("what", NEWS)
def test_of_news_it_tells(what: str) -> None:
    """And of nothing that it knew: the event that tells of our own write is no reason to look at the task again."""
    happens, told = NEWS[what]
    changed: list[Key] = []
    store = Store(changed.append)
    store.put_queue(with_version(make_queue(), "1"))
    store.put_task(make_task(version=1))
    store.put_job(make_job())
    store.put_pod(make_pod())
    changed.clear()
    happens(store)
    assert [key.name for key in changed] == told


def finished_task(name: str, seconds: float, phase: Phase = Phase.SUCCEEDED) -> DjangoTask:
    return make_task(name, uid=name, status=TaskStatus(phase=phase, finished_at=at(seconds)))


def test_the_one_that_finishes_makes_another_one_surplus() -> None:
    changed: list[Key] = []
    store = Store(changed.append)
    store.put_queue(make_queue(successful_tasks_history_limit=1, failed_tasks_history_limit=1))
    store.put_task(finished_task("old", 1))
    store.put_task(finished_task("failed", 0, Phase.FAILED))
    store.put_task(make_task("new", uid="new"))
    changed.clear()
    store.put_task(make_task("new", uid="new", version=2, status=TaskStatus(phase=Phase.SUCCEEDED, finished_at=at(2))))
    assert [key.name for key in changed] == ["new", "old"]
    assert surplus(store) == {"old"}
    changed.clear()
    store.drop_queue(Key(NAMESPACE, "default"))
    assert surplus(store) == set(), "without its queue, the defaults hold"
    store.put_queue(make_queue(successful_tasks_history_limit=0))
    assert surplus(store) == {"old", "new"}
    assert sorted(key.name for key in changed) == ["new", "old"]
    for key in store.all_keys():
        if (task := store.task(key)) is not None:
            store.drop_task(task)
    assert len(store) == 0
    store.put_task(finished_task("old", 1))
    assert surplus(store) == {"old"}, "the queue's limit is still known"


def surplus(store: Store) -> set[str]:
    snapshots = [store.snapshot(key, admitted=False) for key in store.all_keys()]
    return {seen.task.metadata.name for seen in snapshots if seen is not None and seen.surplus}


def body(spec: dict[str, Any], status: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": "receipt", "namespace": NAMESPACE, "uid": "u", "resourceVersion": "1"},
        "spec": {"task": "shop.tasks.send_receipt"} | spec,
        "status": {"phase": "Queued"} if status is None else status,
    }


def test_payload_and_result_are_not_kept() -> None:
    task, invalid = parse_task(body({"payload": "x" * 1000}, {"phase": "Succeeded", "result": "y" * 1000}))
    assert invalid is None
    assert "xxx" not in task.model_dump_json()
    assert task.status.result is None


def test_the_text_of_a_kept_log_is_not_kept_here_too() -> None:
    """Only whose it is, which says what is still to be read."""
    task, _ = parse_task(body({}, {"phase": "Failed", "logTail": {"attempt": 2, "text": "z" * 1000}}))
    assert task.status.log_tail is not None
    assert (task.status.log_tail.attempt, task.status.log_tail.text) == (2, "")


def test_a_spec_that_cannot_be_read_is_named() -> None:
    task, invalid = parse_task(body({"runAfter": "2026-11-23T04:00:00"}))
    assert task.metadata.uid == "u"
    assert invalid is not None
    assert "runAfter" in invalid


def test_a_reason_of_a_newer_version_is_kept() -> None:
    task, invalid = parse_task(body({}, {"phase": "Retrying", "reason": "SolarFlare"}))
    assert (task.status.reason, invalid) == ("SolarFlare", None)


def test_a_finished_task_keeps_no_tracebacks() -> None:
    error = {"type": "ValueError", "traceback": "long"}
    attempt = make_attempt(finished_at=at(0)).model_copy(update={"error": error})
    store = Store()
    store.put_task(make_task(status=TaskStatus(phase=Phase.FAILED, attempts=[attempt])))
    assert snapshot(store).task.status.attempts[0].error is None


@pytest.mark.parametrize(
    ("spec", "managers", "expected"),
    [
        ({"cancel": True}, {"django-tasks-kubernetes": "f:task", "kubectl-patch": "f:cancel"}, "set by kubectl-patch"),
        ({"cancel": True, "cancelReason": "asked by alice"}, {"kubectl-patch": "f:cancel"}, "asked by alice"),
        ({"cancel": True}, {}, None),
        ({"cancel": False}, {"django-tasks-kubernetes": "f:cancel"}, None),
    ],
)
def test_who_cancelled_a_task(spec: dict[str, Any], managers: dict[str, str], expected: str | None) -> None:
    fields = [{"manager": name, "fieldsV1": {"f:spec": {field: {}}}} for name, field in managers.items()]
    body = {"metadata": {"name": "a", "managedFields": fields}, "spec": {"task": "a.b"} | spec}
    assert parse_task(body)[0].spec.cancel_reason == expected


@pytest.mark.parametrize("type_", ["MODIFIED", "DELETED"])
def test_a_queue_that_cannot_be_read_any_more_is_as_good_as_none(type_: str) -> None:
    """Its tasks wait, and are told of it."""
    changed: list[Key] = []
    store = Store(changed.append)
    store.put_queue(make_queue())
    store.put_task(make_task())
    changed.clear()
    metadata = {"name": "default", "namespace": NAMESPACE, "uid": "q", "resourceVersion": "9"}
    QUEUE_KIND.take(store, {"type": type_, "object": {"metadata": metadata, "spec": {"concurrency": "many"}}})
    assert store.queue(Key(NAMESPACE, "default")) is None
    assert changed == [KEY]
