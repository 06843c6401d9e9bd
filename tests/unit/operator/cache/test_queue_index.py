"""The tasks of each queue, and those beyond its history limits."""

from __future__ import annotations

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.store import Store
from tests.support.builders import NAMESPACE, at, make_queue, make_task
from tests.unit.operator.cache.test_store import Changes, with_version


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


def finished_task(name: str, seconds: float, phase: Phase = Phase.SUCCEEDED) -> DjangoTask:
    return make_task(name, uid=name, status=TaskStatus(phase=phase, finished_at=at(seconds)))


def test_the_one_that_finishes_makes_another_one_surplus() -> None:
    changes = Changes()
    changed, store = changes.tasks, Store(changes)
    store.put_queue(make_queue(successful_tasks_history_limit=1, failed_tasks_history_limit=1))
    store.put_task(finished_task("old", 1))
    store.put_task(finished_task("failed", 0, Phase.FAILED))
    store.put_task(make_task("new", uid="new"))
    changed.clear()
    store.put_task(make_task("new", uid="new", version=2, status=TaskStatus(phase=Phase.SUCCEEDED, finished_at=at(2))))
    assert [key.name for key in changed] == ["new", "old"]
    assert surplus(store) == {"old"}
    changed.clear()
    store.drop_queue(Key(NAMESPACE, "default"), "uid-of-default")
    assert surplus(store) == {"old"}, "what was deleted goes on to hold"
    store.put_queue(with_version(make_queue(successful_tasks_history_limit=0), "9", uid="another"))
    assert surplus(store) == {"old", "new"}
    assert [key.name for key in changed] == ["new"]
    for key in store.all_keys():
        if (task := store.task(key)) is not None:
            store.drop_task(task)
    assert len(store) == 0
    store.put_task(make_task("old", uid="again", status=TaskStatus(phase=Phase.SUCCEEDED, finished_at=at(1))))
    assert surplus(store) == {"old"}, "the queue's limit is still known"


def surplus(store: Store) -> set[str]:
    snapshots = [store.snapshot(key, admitted=False) for key in store.all_keys()]
    return {seen.task.metadata.name for seen in snapshots if seen is not None and seen.surplus}
