"""Which results a task's pod may have, of those that its DjangoTask asks for. Pure.

Anyone who may create a DjangoTask writes what it says. What it may have is decided on what others cannot say: it has
the name of a task of a step, is owned by the workflow, and calls the function of that step; and the workflow itself
gives that step the result.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from djangotasks_api.models import PartOf
from djangotasks_api.names import step_task_name
from djangotasks_api.refusals import Refusal
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.graph import InvalidGraph
from djangotasks_api.workflow.inputs import StepItem
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase, TakenOver
from djangotasks_api.workflow.stored import record_of
from djangotasks_operator.pods.parsing import controller_uid
from djangotasks_operator.pods.views import Body
from djangotasks_operator.reports.task_rules import Refused
from djangotasks_operator.workflows.views import StepView, Workflow, step_task_of

type Steps = Mapping[str, StepView]


class NotRecorded(Exception):
    """The workflow's status, as it is known, does not say yet how the step ended."""


class One(NamedTuple):
    """The result of one task."""

    task: str
    """Its name."""
    uid: str
    """Of the workflow that it is a part of: of the pod's own, or of one that it retries."""
    item: int | None = None
    """The item of it that is meant; None for the whole."""
    many: int | None = None
    """From that item on, so many as a list."""


class Gathered(NamedTuple):
    """The results of a map: of all its indexes, or of those of one chunk."""

    step: str
    width: int
    origins: Sequence[TakenOver]
    """Where those that succeeded ran."""
    chunk: int | None = None
    """How many indexes one task is for; None where it is in no chunks."""
    number: int | None = None
    """Of that chunk."""

    @property
    def first(self) -> int:
        """The first index that is meant."""
        return (self.number or 0) * (self.chunk or 1)

    def task_of(self, index: int) -> int:
        """The number of the task that has the result of an index."""
        return index // (self.chunk or 1)


class Child(NamedTuple):
    """A task of a workflow."""

    part: PartOf
    at: StepTask
    task: str
    """The path of its task."""
    inputs: list[Mapping[str, Any]]
    """What its pod reads."""
    only: Indexes | None
    """Of a chunk, the items that are to run, by their positions in it. None for all."""


def child_of(body: Body) -> Child:
    """What a DjangoTask says of itself. Raises Refused where it cannot be a workflow's."""
    spec, name = body["spec"], body["metadata"]["name"]
    part = PartOf.model_validate(spec["workflow"]) if spec.get("workflow") else None
    at = None if part is None else step_task_of(name, part)
    if part is None or at is None or controller_uid(body["metadata"]) != part.uid:
        raise _refused(f"The task {name} is no task of a workflow, and has no inputs.")
    try:
        only = (spec.get("chunk") or {}).get("only")
        positions = None if only is None else Indexes.parse(only)
    except ValueError:
        raise _refused(f"The items of the task {name} cannot be read.") from None
    return Child(part, at, spec["task"], list(spec.get("inputs") or ()), positions)


def source_of(workflow: Workflow, child: Child, number: int) -> One | Gathered | None:
    """Where an input comes from; None for a step that has no result, which is null. Raises Refused, and NotRecorded."""
    steps = workflow.steps
    step = steps.get(child.at.step)
    if number >= len(child.inputs):
        raise _refused(f"The task has {len(child.inputs)} inputs.")
    source = child.inputs[number].get("step")
    if step is None or step.task != child.task or not _gives(steps, step, source):
        raise _refused(f"The workflow {workflow.metadata.name} does not give this task that result.")
    if source is None:
        return _item(workflow, steps, step, child)
    found = _record(workflow, steps, source)
    if not found.phase.is_over:
        raise NotRecorded
    if not steps[source].is_map:
        return _one(workflow, steps, StepItem(source, 0)) if found.phase is StepPhase.SUCCEEDED else None
    if found.width is None:
        return None
    origins = found.origins(workflow.metadata.name, workflow.uid)
    return Gathered(source, found.width, origins, steps[source].chunk)


def _gives(steps: Steps, step: StepView, source: str | None) -> bool:
    if source is None:
        return step.takes_item and (step.over or step.each) in steps
    return source in step.sources and source in steps


def _item(workflow: Workflow, steps: Steps, step: StepView, child: Child) -> One | Gathered:
    number, size = child.at.number, step.chunk
    if step.each is None:
        first = number if size is None else number * size
        return _one(workflow, steps, StepItem(step.over or "", 0))._replace(item=first, many=size)
    if size is None:
        return _one(workflow, steps, StepItem(step.each, number))
    return _chunk(workflow, steps, step.each, number, size, child.only)


def _chunk(workflow: Workflow, steps: Steps, step: str, number: int, size: int, only: Indexes | None) -> Gathered:
    """The results of a chunk. Raises NotRecorded where those of `only` are not all there."""
    record = _record(workflow, steps, step)
    first = number * size
    width = min(size, (record.width or 0) - first)
    if width <= 0 or any(first + place not in record.completed for place in only or range(width)):
        raise NotRecorded
    indexes = range(first, first + width)
    origins = [
        TakenOver(found.workflow, found.uid, Indexes(index for index in indexes if index in found.indexes))
        for found in record.origins(workflow.metadata.name, workflow.uid)
    ]
    return Gathered(step, width, [found for found in origins if found.indexes], size, number)


def _one(workflow: Workflow, steps: Steps, item: StepItem) -> One:
    """Raises NotRecorded where the item has not succeeded."""
    record, step = _record(workflow, steps, item.step), steps[item.step]
    if item.number not in record.completed:
        raise NotRecorded
    source = record.source(item.number) or TakenOver(workflow.metadata.name, workflow.uid, record.completed)
    if not step.is_map:
        return One(step_task_name(source.workflow, item.step, None), source.uid)
    if step.chunk is None:
        return One(step_task_name(source.workflow, item.step, item.number), source.uid)
    number, place = divmod(item.number, step.chunk)
    return One(step_task_name(source.workflow, item.step, number), source.uid, place)


def _record(workflow: Workflow, steps: Steps, step: str) -> Record:
    status = (workflow.status.get("steps") or {}).get(step)
    try:
        return Record() if status is None else record_of(step, status, steps[step].is_map)
    except InvalidGraph:
        raise NotRecorded from None


def _refused(message: str) -> Refused:
    return Refused(403, Refusal.INPUT_UNAVAILABLE, message)
