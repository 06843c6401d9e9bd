"""Changes of the cache fill the work queues."""

from __future__ import annotations

import pytest

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.expiry_controller import DELETIONS_IN_FLIGHT
from djangotasks_operator.controllers.hold_controller import HOLDS_IN_FLIGHT
from djangotasks_operator.controllers.queue_controller import QUEUES_IN_FLIGHT
from djangotasks_operator.controllers.schedule_controller import SCHEDULES_IN_FLIGHT
from djangotasks_operator.controllers.standby_controller import STANDBY_QUEUES_IN_FLIGHT
from djangotasks_operator.controllers.step_task_creator import CREATIONS_IN_FLIGHT
from djangotasks_operator.controllers.task_controller import WORKERS
from djangotasks_operator.controllers.work_queues import (
    CREATIONS_OF_NAMESPACE,
    DELETIONS_OF_NAMESPACE,
    HOLDS_OF_NAMESPACE,
    QUEUE_STATUS_DEBOUNCE_SECONDS,
    QUEUES_OF_NAMESPACE,
    SCHEDULES_OF_NAMESPACE,
    STANDBY_DEBOUNCE_SECONDS,
    STANDBYS_OF_NAMESPACE,
    TASKS_OF_NAMESPACE,
    WORKFLOWS_OF_NAMESPACE,
    WorkQueues,
)
from djangotasks_operator.controllers.workflow_controller import WORKFLOWS_IN_FLIGHT
from djangotasks_operator.runtime.workqueue import WorkQueue
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


def test_changes_of_a_standby_pod_that_starts_are_one_reconcile() -> None:
    clock = Clock()
    work = WorkQueues(clock.seconds)
    work.open()
    work.standby_changed(KEY)
    clock.advance(STANDBY_DEBOUNCE_SECONDS / 2)
    work.standby_changed(KEY)
    assert (len(work.standbys), work.standbys.delay()) == (0, STANDBY_DEBOUNCE_SECONDS / 2)
    work.standbys.add(KEY)
    assert work.standbys.take() == KEY
    work.standbys.done(KEY)
    assert work.standbys.delay() is None


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


def test_what_a_namespace_has_much_of_holds_up_no_other() -> None:
    clock = Clock()
    work = WorkQueues(clock.seconds, clock.seconds)
    work.open()
    for number in range(1000):
        work.schedules.add_after(Key("greedy", str(number)), 1)
    work.schedules.add_after(Key("shop", "nightly"), 1)
    clock.advance(1)
    taken = [work.schedules.take() for _ in range(1001)]
    assert taken.index(Key("shop", "nightly")) < 2
    assert len([key for key in taken if key is not None]) == 1 + SCHEDULES_OF_NAMESPACE
    assert SCHEDULES_OF_NAMESPACE < SCHEDULES_IN_FLIGHT
    assert (WORKFLOWS_OF_NAMESPACE, CREATIONS_OF_NAMESPACE) < (WORKFLOWS_IN_FLIGHT, CREATIONS_IN_FLIGHT)


def test_many_queues_with_standby_pods_hold_up_no_other() -> None:
    clock = Clock()
    work = WorkQueues(clock.seconds, clock.seconds)
    work.open()
    for number in range(1000):
        work.standby_changed(Key("greedy", str(number)))
    work.standby_changed(Key("shop", "default"))
    clock.advance(STANDBY_DEBOUNCE_SECONDS)
    taken = [work.standbys.take() for _ in range(1001)]
    assert taken.index(Key("shop", "default")) < 2
    assert len([key for key in taken if key is not None]) == 1 + STANDBYS_OF_NAMESPACE
    assert STANDBYS_OF_NAMESPACE < STANDBY_QUEUES_IN_FLIGHT


@pytest.mark.parametrize(
    ("name", "most", "workers"),
    [
        ("tasks", TASKS_OF_NAMESPACE, WORKERS),
        ("queues", QUEUES_OF_NAMESPACE, QUEUES_IN_FLIGHT),
        ("deletions", DELETIONS_OF_NAMESPACE, DELETIONS_IN_FLIGHT),
        ("holds", HOLDS_OF_NAMESPACE, HOLDS_IN_FLIGHT),
        ("deferred_status", None, None),
    ],
)
def test_thousands_of_tasks_hold_up_no_other_namespace(name: str, most: int | None, workers: int | None) -> None:
    work = WorkQueues(Clock().seconds)
    queue: WorkQueue[Key] = getattr(work, name)
    for number in range(1000):
        queue.add(Key("greedy", str(number)))
    queue.add(KEY)
    taken = [queue.take() for _ in range(1001)]
    assert taken.index(KEY) < 2
    if most is not None and workers is not None:
        assert sum(key is not None for key in taken) == 1 + most < 1 + workers
