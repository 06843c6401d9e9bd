"""A new leader counts what runs before it starts anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from djangotasks_api.models import TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_operator.backlog import Backlog
from djangotasks_operator.queue_keeper import QueueKeeper
from djangotasks_operator.reconcile import Reconciler
from djangotasks_operator.store import Key, Store
from djangotasks_operator.workqueue import WorkQueue
from tests.support.builders import NAMESPACE, NOW, at, make_job, make_queue, make_task


class StoreOnly:
    """All of the cluster that taking stock may look at."""

    def __init__(self, store: Store) -> None:
        self.store = store


def admitted(store: Store) -> list[str]:
    queue: WorkQueue[Key] = WorkQueue()
    backlog: Backlog[Key, Key] = Backlog(starting_limit=100)
    cluster: Any = StoreOnly(store)
    nobody: Any = None
    keeper = QueueKeeper(cluster, nobody, backlog, WorkQueue())
    Reconciler(cluster, queue, backlog, nobody, WorkQueue(), WorkQueue(), nobody, keeper, now=lambda: NOW).take_stock()
    return [key.name for key in store.all_keys() if backlog.has_place(key)]


def test_tasks_in_progress_keep_their_places() -> None:
    store = Store()
    store.put_queue(make_queue(concurrency=2))
    # The waiting ones come first in the store, and older ones at that.
    for name in ("waits-1", "waits-2"):
        store.put_task(make_task(name, uid=name, enqueued_at=at(-100)))
    for name in ("runs-1", "runs-2"):
        store.put_task(make_task(name, uid=name, enqueued_at=at(-1)))
        store.put_job(make_job(name=f"{name}-1", uid=f"job-{name}", task=name, task_uid=name))
    assert admitted(store) == ["runs-1", "runs-2"]


def test_one_task_that_cannot_be_decided_on_does_not_hold_up_the_others() -> None:
    store = Store()
    store.put_queue(make_queue())
    end = datetime.max.replace(tzinfo=UTC)
    store.put_task(make_task("broken", uid="broken", status=TaskStatus(phase=Phase.FAILED, finished_at=end)))
    store.put_task(make_task("good", uid="good"))
    assert admitted(store) == ["good"]


def test_free_places_go_by_priority_whatever_comes_first() -> None:
    store = Store()
    store.put_queue(make_queue(concurrency=1))
    store.put_task(make_task("low", uid="low", priority=-5))
    store.put_task(make_task("high", uid="high", priority=5))
    store.put_task(make_task("held", uid="held", priority=9, run_after=at(60)))
    assert admitted(store) == ["high"]
    assert Key(NAMESPACE, "high") in store.all_keys()
