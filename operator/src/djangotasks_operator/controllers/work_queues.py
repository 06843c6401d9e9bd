"""The work queues of the controllers, which changes of the cache fill."""

import time
from collections.abc import Callable
from typing import NamedTuple

from djangotasks_api.workflow.engine import StepTask
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.subscriber import Subscriber
from djangotasks_operator.runtime.turns import Turns
from djangotasks_operator.runtime.workqueue import WorkQueue

# From a change of a queue's tasks to the reconcile of its status: changes within that time are one write.
QUEUE_STATUS_DEBOUNCE_SECONDS = 5.0
# From a change of a queue's standby pods to the reconcile of them: a pod that starts changes several times. What a task
# has taken, or missed, is made at once.
STANDBY_DEBOUNCE_SECONDS = 1.0

# Of one namespace at once. The controllers have more workers, so that others find one.
TASKS_OF_NAMESPACE = 56
QUEUES_OF_NAMESPACE = 3
DELETIONS_OF_NAMESPACE = 6
HOLDS_OF_NAMESPACE = 3
WORKFLOWS_OF_NAMESPACE = 8
CREATIONS_OF_NAMESPACE = 16
SCHEDULES_OF_NAMESPACE = 24
STANDBYS_OF_NAMESPACE = 2

# Schedules and holds wait for times of the day. A clock that is set is noticed within as many seconds.
CLOCK_CHECK_SECONDS = 10.0


class WorkflowTask(NamedTuple):
    """A task of a workflow that is to be created."""

    workflow: Key
    task: StepTask

    def __str__(self) -> str:
        return f"{self.workflow}-{self.task.step}-{self.task.number}"


class WorkQueues(Subscriber):
    """One instance a process. Empty in a replica that does not lead, which has nobody to take keys off: a new leader
    lists everything."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        """`wall`: the clock of schedules and holds, which may be set."""
        self.tasks: WorkQueue[Key] = WorkQueue(clock, turns=Turns(_namespace, TASKS_OF_NAMESPACE))
        """Fair, as all of these: a tenant may enqueue or cancel thousands at once, or have a webhook that hangs."""
        self.queues: WorkQueue[Key] = WorkQueue(clock, turns=Turns(_namespace, QUEUES_OF_NAMESPACE))
        self.edited_queues: WorkQueue[Key] = WorkQueue(clock, turns=Turns(_namespace))
        """Queues whose unfinished tasks are to be reconciled."""
        self.deletions: WorkQueue[Key] = WorkQueue(clock, turns=Turns(_namespace, DELETIONS_OF_NAMESPACE))
        """Finished tasks that await deletion. Apart from `tasks`, so that a mass expiry cannot delay live tasks."""
        self.deferred_status: WorkQueue[Key] = WorkQueue(clock, turns=Turns(_namespace))
        """Tasks with a low-priority status update."""
        self.workflows: WorkQueue[Key] = WorkQueue(clock, turns=Turns(_namespace, WORKFLOWS_OF_NAMESPACE))
        """What a tenant has written may take long to read."""
        self.step_tasks: WorkQueue[WorkflowTask] = WorkQueue(
            clock, turns=Turns(lambda key: key.workflow.namespace, CREATIONS_OF_NAMESPACE)
        )
        """Tasks of workflows that are to be created."""

        self.schedules: WorkQueue[Key] = WorkQueue(
            wall, CLOCK_CHECK_SECONDS, turns=Turns(_namespace, SCHEDULES_OF_NAMESPACE)
        )
        """Schedules, with the times at which they are due. A tenant may have thousands for each minute."""

        self.holds: WorkQueue[Key] = WorkQueue(wall, CLOCK_CHECK_SECONDS, turns=Turns(_namespace, HOLDS_OF_NAMESPACE))
        """Queues, with the times at which their holds are over."""

        self.standbys: WorkQueue[Key] = WorkQueue(clock, turns=Turns(_namespace, STANDBYS_OF_NAMESPACE))
        """Queues that have standby pods, or have had some. A pool is filled by many requests."""

        self._open = False

    def open(self) -> None:
        """Take keys from now on: this process leads."""
        self._open = True

    def clear(self) -> None:
        """Forget all keys, and take no more. No controller may be running."""
        self._open = False
        for queue in (
            self.tasks,
            self.queues,
            self.edited_queues,
            self.deletions,
            self.deferred_status,
            self.workflows,
            self.schedules,
            self.holds,
            self.standbys,
        ):
            queue.clear()
        self.step_tasks.clear()

    def task_changed(self, key: Key) -> None:
        if self._open:
            self.tasks.add(key)

    def queue_changed(self, queue: Key) -> None:
        if self._open:
            self.queues.add(queue)
            self.edited_queues.add(queue)
            self.standbys.add(queue)

    def standby_changed(self, queue: Key) -> None:
        if self._open:
            self.standbys.add_after(queue, STANDBY_DEBOUNCE_SECONDS)

    def schedule_changed(self, schedule: Key) -> None:
        if self._open:
            self.schedules.add(schedule)

    def hold_changed(self, queue: Key) -> None:
        if self._open:
            self.holds.add(queue)

    def task_dropped(self, queue: Key) -> None:
        self.queue_tasks_changed(queue)

    def workflow_changed(self, key: Key) -> None:
        if self._open:
            self.workflows.add(key)

    def queue_tasks_changed(self, queue: Key) -> None:
        """Reconcile the queue's status soon: its tasks have changed."""
        if self._open:
            self.queues.add_after(queue, QUEUE_STATUS_DEBOUNCE_SECONDS)


def _namespace(key: Key) -> str:
    return key.namespace
