"""Changes of the cache fill the work queues."""

from __future__ import annotations

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.work_queues import QUEUE_STATUS_DEBOUNCE_SECONDS, WorkQueues
from tests.unit.operator.model.server import Clock

KEY = Key("shop", "receipt")


def test_a_changed_object_is_reconciled_at_once() -> None:
    work = WorkQueues(Clock().seconds)
    work.open()
    work.task_changed(KEY)
    work.queue_changed(KEY)
    assert (len(work.tasks), len(work.queues)) == (1, 1)


def test_changes_of_a_queues_tasks_are_debounced() -> None:
    clock = Clock()
    work = WorkQueues(clock.seconds)
    work.open()
    work.queue_tasks_changed(KEY)
    clock.advance(1)
    work.task_dropped(KEY)
    assert work.queues.delay() == QUEUE_STATUS_DEBOUNCE_SECONDS - 1


def test_a_cleared_queue_has_no_keys() -> None:
    work = WorkQueues(Clock().seconds)
    work.open()
    work.task_changed(KEY)
    work.deletions.add_after(KEY, 10)
    work.clear()
    assert [queue.delay() for queue in (work.tasks, work.queues, work.deletions, work.deferred_status)] == [None] * 4


def test_a_standby_takes_no_keys() -> None:
    work = WorkQueues(Clock().seconds)
    work.task_changed(KEY)
    work.queue_changed(KEY)
    work.task_dropped(KEY)
    assert (work.tasks.delay(), work.queues.delay()) == (None, None)
