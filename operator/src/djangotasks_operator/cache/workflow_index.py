"""The workflows, and the tasks of each: updated with every change, so that nothing has to go through all tasks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from djangotasks_api.models import DjangoTask
from djangotasks_api.names import WORKFLOW_PLURAL
from djangotasks_api.phases import Phase
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.queue_index import HistoryLimits
from djangotasks_operator.cache.schedules import Schedules
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.cache.workflow_history import WorkflowHistory
from djangotasks_operator.cache.workflow_retries import WorkflowRetries
from djangotasks_operator.runtime.versions import newer
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.workflows.views import Origin, Workflow, WorkflowId, step_task_of


@dataclass(slots=True)
class Tasks:
    """The tasks of one workflow."""

    phases: dict[StepTask, Phase] = field(default_factory=dict)
    keys: dict[StepTask, Key] = field(default_factory=dict)
    changed: set[StepTask] = field(default_factory=set)
    """Since they were last taken."""
    released: set[StepTask] = field(default_factory=set)
    """Nothing needs them any more."""


class WorkflowIndex:
    """Part of the store. `changed`: called with the key of a workflow that has changed, or one of its tasks.
    `task_changed`: called with the key of each task that its workflow concerns."""

    def __init__(
        self,
        monitor: WatchMonitor,
        deleted: Tombstones,
        changed: Callable[[Key], None],
        task_changed: Callable[[Key], None],
        limits: Callable[[Key], HistoryLimits],
        schedules: Schedules,
    ) -> None:
        self._monitor = monitor
        self._deleted = deleted
        self._changed = changed
        self._task_changed = task_changed
        self._workflows: dict[Key, Workflow] = {}
        self._tasks: dict[WorkflowId, Tasks] = {}
        self._history: WorkflowHistory[Key, Key] = WorkflowHistory(limits)
        self._schedules = schedules
        self.retries = WorkflowRetries()

    def get(self, key: Key) -> Workflow | None:
        return self._workflows.get(key)

    def all(self) -> list[Workflow]:
        return list(self._workflows.values())

    def of(self, task: DjangoTask) -> Workflow | None:
        """The workflow that the task is a part of; None where there is none."""
        part = task.spec.workflow
        if part is None or _place(task) is None:
            return None
        workflow = self._workflows.get(Key(task.metadata.namespace, part.name))
        return workflow if workflow is not None and workflow.uid == part.uid else None

    def returned_by(self, task: DjangoTask) -> Workflow | None:
        """The workflow that the task has returned; None where it has returned none, or that is not known."""
        if (name := task.status.returned_workflow) is None:
            return None
        workflow = self._workflows.get(Key(task.metadata.namespace, name))
        is_own = workflow is not None and workflow.returned_by == Origin(task.metadata.name, task.metadata.uid)
        return workflow if is_own else None

    def put(self, workflow: Workflow) -> None:
        """Keep the workflow, unless a later version is cached, or it was deleted."""
        if workflow.uid in self._deleted:
            return
        key = Key.of(workflow.metadata)
        known = self._workflows.get(key)
        if known is not None and not newer(workflow.metadata.resource_version, known.metadata.resource_version):
            return
        self._workflows[key] = workflow
        if known is None or known.phase is not workflow.phase:
            self._tell_returner(workflow)
        self._monitor.expect(WORKFLOW_PLURAL, key.namespace, workflow.uid, workflow.metadata.resource_version)
        self._changed(key)
        if known is not None and known.uid != workflow.uid:
            self._release(known)
            self._history.drop(key, _queue_of(known))
            self._schedules.drop_workflow(known)
            freed, known = self.retries.drop(known), None
        else:
            freed = []
        self._schedules.put_workflow(workflow)
        for origin in (*freed, *self.retries.put(workflow, known)):
            self._changed(origin)
        if workflow.finished_at is not None and workflow.phase.is_terminal:
            succeeded = workflow.phase is WorkflowPhase.SUCCEEDED
            for surplus in self._history.put(key, _queue_of(workflow), workflow.finished_at, succeeded=succeeded):
                self._changed(surplus)

    def drop(self, workflow: Workflow) -> None:
        """Forget a workflow that is gone, unless another one of its name is cached."""
        self._monitor.forget(WORKFLOW_PLURAL, workflow.metadata.namespace, workflow.uid)
        self._deleted.add(workflow.uid)
        key = Key.of(workflow.metadata)
        known = self._workflows.get(key)
        if known is not None and known.uid == workflow.uid:
            del self._workflows[key]
            self._history.drop(key, _queue_of(known))
            self._schedules.drop_workflow(known)
            self._changed(key)
            self._tell_returner(workflow)
        for freed in self.retries.drop(known or workflow):
            self._changed(freed)
        self._release(workflow)

    def put_task(self, task: DjangoTask) -> None:
        """Note a task of a workflow."""
        if (found := _place(task)) is None:
            return
        of, at = found
        tasks = self._tasks.setdefault(of, Tasks())
        if tasks.phases.get(at) is task.status.phase:
            return
        tasks.phases[at], tasks.keys[at] = task.status.phase, Key.of(task.metadata)
        self._task_has_changed(task, tasks, at)

    def drop_task(self, task: DjangoTask) -> None:
        """Forget a task of a workflow."""
        if (found := _place(task)) is None or (tasks := self._tasks.get(found[0])) is None:
            return
        of, at = found
        if tasks.phases.pop(at, None) is None:
            return
        del tasks.keys[at]
        tasks.released.discard(at)
        self._task_has_changed(task, tasks, at)
        if not tasks.phases and self.of(task) is None:
            del self._tasks[of]

    def tasks(self, of: WorkflowId) -> Mapping[StepTask, Phase]:
        """All tasks of a workflow. None of them counts as changed from then on."""
        tasks = self._tasks.setdefault(of, Tasks())
        tasks.changed.clear()
        return tasks.phases

    def take_changed(self, of: WorkflowId) -> dict[StepTask, Phase | None]:
        """The tasks that have changed since they were last taken; None for one that is gone."""
        tasks = self._tasks.setdefault(of, Tasks())
        found = {at: tasks.phases.get(at) for at in tasks.changed}
        tasks.changed.clear()
        return found

    def tasks_of(self, of: WorkflowId) -> list[StepTask]:
        """The tasks of a workflow that there are."""
        tasks = self._tasks.get(of)
        return [] if tasks is None else list(tasks.phases)

    def has_result(self, of: WorkflowId, task: StepTask) -> bool:
        """Whether the task is there, and over: of a chunk that failed some items have succeeded."""
        tasks = self._tasks.get(of)
        phase = None if tasks is None else tasks.phases.get(task)
        return phase is not None and phase.is_terminal

    def release(self, of: WorkflowId, task: StepTask) -> None:
        """Note that nothing needs a task any more."""
        tasks = self._tasks.get(of)
        if tasks is not None and (key := tasks.keys.get(task)) is not None and task not in tasks.released:
            tasks.released.add(task)
            self._task_changed(key)

    def is_released(self, task: DjangoTask) -> bool:
        """Whether it is a task that nothing needs any more."""
        if (found := _place(task)) is None or (tasks := self._tasks.get(found[0])) is None:
            return False
        return found[1] in tasks.released

    def is_surplus(self, workflow: Workflow) -> bool:
        """Whether the finished workflow is beyond its queue's history limit."""
        return self._history.is_surplus(Key.of(workflow.metadata), _queue_of(workflow))

    def apply_limits(self, queue: Key) -> list[Key]:
        """Look the history limits of a queue up again. Returns what has become surplus."""
        return self._history.apply_limits(queue)

    def keys(self, of: WorkflowId) -> list[Key]:
        """The keys of the tasks of a workflow."""
        tasks = self._tasks.get(of)
        return [] if tasks is None else list(tasks.keys.values())

    def _tell_returner(self, workflow: Workflow) -> None:
        """The task that has returned it waits for its end."""
        if workflow.returned_by is not None:
            self._task_changed(Key(workflow.metadata.namespace, workflow.returned_by.name))

    def _task_has_changed(self, task: DjangoTask, tasks: Tasks, at: StepTask) -> None:
        tasks.changed.add(at)
        if (workflow := self.of(task)) is not None:
            self._changed(Key.of(workflow.metadata))

    def _release(self, workflow: Workflow) -> None:
        """What it held is held no more."""
        if (tasks := self._tasks.get(workflow.id)) is None:
            return
        for key in tasks.keys.values():
            self._task_changed(key)
        if not tasks.phases:
            del self._tasks[workflow.id]


def _queue_of(workflow: Workflow) -> Key:
    return Key(workflow.metadata.namespace, workflow.queue)


def _place(task: DjangoTask) -> tuple[WorkflowId, StepTask] | None:
    """The workflow that the task is a part of, and which of its tasks it is."""
    part = task.spec.workflow
    if part is None or (at := step_task_of(task.metadata.name, part)) is None:
        return None
    return WorkflowId(task.metadata.namespace, part.uid), at
