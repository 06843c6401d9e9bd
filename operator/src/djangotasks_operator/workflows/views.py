"""What the cache keeps of a workflow: what its tasks need to know of it, and its status. Pure."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from djangotasks_api.models import DjangoTask, PartOf
from djangotasks_api.models.base import Metadata
from djangotasks_api.names import step_task_name
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.graph import InvalidGraph, KeepTasks, Runs
from djangotasks_api.workflow.records import StepReason, WorkflowPhase
from djangotasks_api.workflow.stored import record_of

Body = Mapping[str, Any]
DEFAULT_TTL: Final = timedelta(days=1)


class WorkflowId(NamedTuple):
    """Which workflow something says that it is of. With the namespace: who writes in one may write any uid there, also
    that of a workflow of another one."""

    namespace: str
    uid: str


class Origin(NamedTuple):
    """A workflow that another one retries, or the task that has returned one."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class StepView:
    """What a step takes from others, and from whom."""

    task: str
    """The path of its task."""
    sources: frozenset[str]
    """The steps whose results it takes."""
    takes_item: bool
    over: str | None
    each: str | None
    chunk: int | None
    """How many items one of its tasks is for; None where it is in no chunks."""
    is_map: bool


# Tenants write them, and all workflows are in memory.
_STEPS: Final = msgspec.json.Decoder(dict[str, StepView])


@dataclass(frozen=True, slots=True)
class Workflow:
    """A DjangoTaskWorkflow without its graph and its arguments, which may be large."""

    metadata: Metadata
    cancel: bool
    cancel_reason: str | None
    suspended: bool
    timeout: timedelta | None
    ttl: timedelta
    always: frozenset[str]
    """The steps that run always."""
    queue: str
    """Whose history limits hold for it."""
    path: str | None
    """Of the function that describes it."""
    schedule: str | None
    """The schedule that has created it, or for which it was."""
    scheduled_for: datetime | None
    removes_tasks: bool
    """Some of its tasks go before it does."""
    retry_of: Origin | None
    origins: frozenset[Origin]
    """The workflows whose results it has taken over, or may yet."""
    packed_steps: bytes
    returned_by: Origin | None
    """The task that has returned it."""
    depth: int
    """How deep it is in others that tasks have returned; 0 where none has returned it."""
    phase: WorkflowPhase
    started_at: datetime | None
    finished_at: datetime | None
    status: Body
    """As it is stored."""

    @property
    def uid(self) -> str:
        return self.metadata.uid

    @property
    def id(self) -> WorkflowId:
        return WorkflowId(self.metadata.namespace, self.metadata.uid)

    @property
    def steps(self) -> Mapping[str, StepView]:
        """What it says of its steps, by their names."""
        return _STEPS.decode(zlib.decompress(self.packed_steps))

    @property
    def deadline(self) -> datetime | None:
        """When it has run too long."""
        return None if self.started_at is None or self.timeout is None else self.started_at + self.timeout

    def stopped(self, now: datetime) -> StepReason | None:
        """Why nothing more of it begins, but for steps that run always."""
        if self.cancel:
            return StepReason.CANCEL_REQUESTED
        if self.deadline is not None and now >= self.deadline:
            return StepReason.DEADLINE_EXCEEDED
        return None

    def creates(self, step: str, now: datetime) -> bool:
        """Whether tasks of this step may be created. A stopped workflow cleans up, suspended or not."""
        if self.stopped(now) is not None:
            return step in self.always
        return not self.suspended and not self.is_held(now)

    def is_held(self, now: datetime) -> bool:
        """Whether it waits, restored from a backup, for somebody who knows whether it has run."""
        return self.metadata.restored_label is not None and not self.phase.is_terminal and self.stopped(now) is None

    def stops(self, step: str, now: datetime) -> str | None:
        """Why the tasks of this step are to be stopped, as a sentence; None where they are not."""
        if step in self.always or self.phase.is_terminal:
            return None
        match self.stopped(now):
            case StepReason.CANCEL_REQUESTED:
                by = f": {self.cancel_reason}" if self.cancel_reason else ""
                return f"its workflow {self.metadata.name} was cancelled{by}"
            case StepReason.DEADLINE_EXCEEDED:
                return f"its workflow {self.metadata.name} ran too long"
            case _:
                return None


def parse_workflow(body: Body) -> Workflow:
    """Parse a workflow. Its fields have the types that the CRD's schema gives them."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    policy, returned_by = spec.get("policy") or {}, spec.get("returnedBy")
    timeout, ttl = policy.get("timeoutSeconds"), policy.get("ttlSecondsAfterFinished")
    retry_of = _origin(spec.get("retryOf"))
    return Workflow(
        metadata=Metadata.model_validate(metadata),
        cancel=bool(spec.get("cancel")),
        cancel_reason=spec.get("cancelReason"),
        suspended=bool(spec.get("suspended")),
        timeout=None if timeout is None else timedelta(seconds=timeout),
        ttl=DEFAULT_TTL if ttl is None else timedelta(seconds=ttl),
        always=frozenset(step["name"] for step in spec["steps"] if step.get("runs") == Runs.ALWAYS),
        # A text even where an older CRD's schema let through something else: it is a key.
        queue=str(spec.get("queue") or "default"),
        path=spec.get("workflow"),
        schedule=None if spec.get("schedule") is None else str(spec["schedule"]),
        scheduled_for=_time(spec.get("scheduledFor")),
        removes_tasks=any(step.get("keepTasks", KeepTasks.ALWAYS) != KeepTasks.ALWAYS for step in spec["steps"]),
        retry_of=retry_of,
        origins=frozenset(_origins(retry_of, status)),
        packed_steps=zlib.compress(msgspec.json.encode({step["name"]: _step(step) for step in spec["steps"]}), 1),
        returned_by=_origin(returned_by),
        depth=int(returned_by["depth"]) if returned_by else 0,
        phase=WorkflowPhase(status.get("phase") or WorkflowPhase.PENDING),
        started_at=_time(status.get("startedAt")),
        finished_at=_time(status.get("finishedAt")),
        status=status,
    )


def with_status(workflow: Workflow, body: Body) -> Workflow:
    """The workflow after a write of its status. What its spec says of its steps never changes, and takes long to parse
    where there are many."""
    spec, status = body["spec"], body.get("status") or {}
    return replace(
        workflow,
        metadata=Metadata.model_validate(body["metadata"]),
        cancel=bool(spec.get("cancel")),
        cancel_reason=spec.get("cancelReason"),
        suspended=bool(spec.get("suspended")),
        origins=frozenset(_origins(workflow.retry_of, status)),
        phase=WorkflowPhase(status.get("phase") or WorkflowPhase.PENDING),
        started_at=_time(status.get("startedAt")),
        finished_at=_time(status.get("finishedAt")),
        status=status,
    )


def _origin(found: Body | None) -> Origin | None:
    # Texts whatever an older CRD's schema let through: they are keys.
    return Origin(str(found["name"]), str(found["uid"])) if found else None


def _step(spec: Body) -> StepView:
    source, inputs = spec.get("map") or {}, spec.get("inputs") or ()
    return StepView(
        task=spec["task"],
        sources=frozenset(each["step"] for each in inputs if each.get("step") is not None),
        takes_item=any(each.get("step") is None for each in inputs),
        over=source.get("over"),
        each=source.get("each"),
        chunk=source.get("chunk"),
        is_map=bool(source),
    )


def step_task_of(task: str, part: PartOf) -> StepTask | None:
    """Which of its workflow's tasks a DjangoTask is. None where its name is not that: then it is another one that only
    claims to be."""
    if task != step_task_name(part.name, part.step, part.index):
        return None
    return StepTask(part.step, part.index or 0)


def is_recorded(workflow: Workflow, task: DjangoTask) -> bool:
    """Whether the workflow has recorded the end of a task that may have been deleted since: it must not run again."""
    part = task.spec.workflow
    if not workflow.removes_tasks or part is None or (at := step_task_of(task.metadata.name, part)) is None:
        return False
    step, status = workflow.steps.get(at.step), (workflow.status.get("steps") or {}).get(at.step)
    if step is None or status is None:
        return False
    try:
        record = record_of(at.step, status, step.is_map)
    except InvalidGraph:
        return False
    size = step.chunk or 1
    indexes = range(at.number * size, min((at.number + 1) * size, record.width or 0))
    return bool(indexes) and all(index in record.completed or index in record.failed for index in indexes)


def _origins(retry_of: Origin | None, status: Body) -> Iterator[Origin]:
    if retry_of is None:
        return
    if not WorkflowPhase(status.get("phase") or WorkflowPhase.PENDING).is_terminal:
        yield retry_of
    for step in (status.get("steps") or {}).values():
        for found in step.get("takenOver") or ():
            yield Origin(found["workflow"], found["uid"])


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
