"""The schedules that are cached, and their unfinished tasks.

There may be thousands, which mostly wait: of each the spec and the status are kept packed, in a tenth of what models
take, and unpacked when something is to be decided.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from djangotasks_api.models import DjangoTask, ScheduleSpec, ScheduleStatus, TaskTemplate
from djangotasks_api.models.base import Metadata
from djangotasks_api.models.workflow import WorkflowTemplate
from djangotasks_api.names import SCHEDULE_PLURAL, scheduled_task_name
from djangotasks_api.phases import Reason
from djangotasks_api.schedules.due import Unfinished
from djangotasks_api.schedules.plan import digest
from djangotasks_api.schedules.record import Record
from djangotasks_api.workflow.records import WorkflowReason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.latest import Latest
from djangotasks_operator.cache.packed import Packer
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.pods.views import Body
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.workflows.views import Workflow

# What most specs and statuses have in common.
SPECS: Final = Packer(
    {
        "cron": ["0 2 * * *"],
        "timeZone": "UTC",
        "jitterSeconds": 0,
        "suspended": False,
        "concurrencyPolicy": "Forbid",
        "catchUp": "Latest",
        "catchUpLimit": 100,
        "task": {
            "task": "shop.tasks.nightly",
            "queue": "default",
            "backend": "default",
            "priority": 0,
        },
    }
)
STATUSES: Final = Packer(
    {
        "observedGeneration": 1,
        "timing": "5b9f55f45ac00a9903e101dc74e44fa8",
        "since": "2026-11-29T10:00:00Z",
        "lastScheduledFor": "2026-11-29T10:00:00Z",
        "lastTask": "nightly-202611291000",
        "nextScheduledFor": "2026-11-30T02:00+00:00",
        "active": 0,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Ready",
                "message": "Its tasks are created when it is due.",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-11-29T10:00:00Z",
            }
        ],
    }
)
# What is large is read when a task or a workflow is created: tenants write it, and all schedules are in memory.
LARGE: Final = {"payload", "steps", "lists", "output"}
TEMPLATE_FIELDS: Final = {
    model: frozenset(field.alias for field in model.model_fields.values()) - LARGE
    for model in (TaskTemplate, WorkflowTemplate)
}


@dataclass(frozen=True, slots=True)
class CachedSchedule:
    """One version of a DjangoTaskSchedule."""

    key: Key
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    queue: str
    """The queue of its task, or workflow."""
    queues: frozenset[str]
    """All queues in which it has tasks."""
    packed_spec: bytes
    """Without the payload of its task, and the steps and lists of its workflow."""
    packed_status: bytes
    state: str
    """Ready, NotReady or Suspended, as its status says; for metrics."""
    invalid: str | None
    """What is wrong with the spec, where the CRD's schema let through what the model rejects."""
    deleting: bool
    """Whether it is being deleted, and stays until somebody's finalizer is removed: it is not due any more."""

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = SPECS.unpack(self.packed_spec)
        return spec

    @property
    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = STATUSES.unpack(self.packed_status)
        return status


def parse_schedule(body: Body) -> CachedSchedule:
    """Parse a schedule. What the models reject is not kept: of the spec the reason is, and a status counts as none."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    invalid = None
    try:
        template = ScheduleSpec.model_validate(spec).template
        kept = TEMPLATE_FIELDS[type(template)]
        which = "workflow" if isinstance(template, WorkflowTemplate) else "task"
        spec = spec | {which: {name: value for name, value in spec[which].items() if name in kept}}
        queue, queues = template.queue, _queues(template)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        invalid = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        spec, queue, queues = {}, "default", frozenset[str]()
    try:
        ScheduleStatus.model_validate(status)
    except ValidationError:
        status = {}
    return CachedSchedule(
        key=Key(sys.intern(metadata["namespace"]), metadata["name"]),
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=metadata.get("generation", 1),
        created_at=datetime.fromisoformat(metadata["creationTimestamp"]),
        queue=sys.intern(queue),
        queues=queues,
        packed_spec=SPECS.pack(spec),
        packed_status=STATUSES.pack(status),
        state=_state(spec, status),
        invalid=invalid,
        deleting=metadata.get("deletionTimestamp") is not None,
    )


def _queues(template: TaskTemplate | WorkflowTemplate) -> frozenset[str]:
    if isinstance(template, TaskTemplate):
        return frozenset({sys.intern(template.queue)})
    return frozenset(sys.intern(step.queue or template.queue) for step in template.steps)


def _state(spec: Body, status: Body) -> str:
    condition: Body = next(iter(status.get("conditions") or ()), {})
    if condition.get("status") != "True":
        return "NotReady"
    return "Suspended" if spec.get("suspended") else "Ready"


class Schedules(Latest[CachedSchedule]):
    """`changed` is also called for one whose unfinished tasks are other ones."""

    def __init__(self, changed: Callable[[Key], None], monitor: WatchMonitor, deleted: Tombstones) -> None:
        super().__init__(SCHEDULE_PLURAL, _differ, changed, monitor, deleted)
        self._unfinished: dict[Key, dict[str, Unfinished]] = {}

    def unfinished(self, key: Key) -> Mapping[str, Unfinished]:
        """The schedule's unfinished tasks and workflows by name, also those that people created for it."""
        return self._unfinished.get(key, {})

    def of_queue(self, queue: Key) -> list[Key]:
        """The schedules that have tasks in the queue."""
        return [
            key
            for key, schedule in self._items.items()
            if key.namespace == queue.namespace and queue.name in schedule.queues
        ]

    def put_task(self, task: DjangoTask) -> None:
        """Note a task, which may be a schedule's."""
        if task.spec.schedule is None:
            return
        if task.status.phase.is_terminal:
            self.drop_task(task)
            return
        runs, deferred = ("task", task.spec.task), task.spec.run_after is not None
        is_held = task.metadata.restored_label is not None and task.status.reason is Reason.RESTORED
        restored = task.status.message if is_held else None
        new = Unfinished(cancelled=task.spec.cancel, runs=runs, deferred=deferred, restored=restored)
        self._begin(Key(task.metadata.namespace, task.spec.schedule), task.metadata.name, new)

    def drop_task(self, task: DjangoTask) -> None:
        """Note that a task has finished, or is gone."""
        if task.spec.schedule is not None:
            self._end(Key(task.metadata.namespace, task.spec.schedule), task.metadata.name)

    def put_workflow(self, workflow: Workflow) -> None:
        """Note a workflow, which may be a schedule's."""
        if workflow.schedule is None:
            return
        key, name = Key(workflow.metadata.namespace, workflow.schedule), workflow.metadata.name
        if workflow.phase.is_terminal:
            self._end(key, name)
        else:
            runs = None if workflow.path is None else ("workflow", workflow.path)
            is_held = (
                workflow.metadata.restored_label is not None
                and workflow.status.get("reason") == WorkflowReason.RESTORED
            )
            restored = workflow.status.get("message") if is_held else None
            self._begin(key, name, Unfinished(cancelled=workflow.cancel, runs=runs, restored=restored))

    def drop_workflow(self, workflow: Workflow) -> None:
        """Note that a workflow is gone."""
        if workflow.schedule is not None:
            self._end(Key(workflow.metadata.namespace, workflow.schedule), workflow.metadata.name)

    def holds(self, metadata: Metadata, schedule_name: str | None, scheduled_for: datetime | None) -> bool:
        """Whether a finished task or workflow may not be deleted yet: its schedule does not have it as created, and
        would create it a second time."""
        if schedule_name is None or scheduled_for is None:
            return False
        schedule = self.get(Key(metadata.namespace, schedule_name))
        if schedule is None or schedule.deleting or metadata.name != scheduled_task_name(schedule_name, scheduled_for):
            return False
        record = Record.of(schedule.status)
        if (spec := schedule.spec).get("suspended") and record.timing == digest(spec):
            # When it is resumed it goes on from then. Until then this would be for as long as people leave it so.
            return False
        return record.base is None or record.base < scheduled_for

    def _begin(self, key: Key, name: str, new: Unfinished) -> None:
        tasks = self._unfinished.setdefault(key, {})
        if tasks.get(name) != new:
            tasks[name] = new
            self._changed(key)

    def _end(self, key: Key, name: str) -> None:
        tasks = self._unfinished.get(key, {})
        if tasks.pop(name, None) is not None:
            if not tasks:
                del self._unfinished[key]
            self._changed(key)


def _differ(known: CachedSchedule, schedule: CachedSchedule) -> bool:
    """Its status is written by the operator."""
    return (known.generation, known.deleting) != (schedule.generation, schedule.deleting)
