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
from djangotasks_api.workflow.records import Record, StepPhase, TakenOver
from djangotasks_api.workflow.stored import record_of
from djangotasks_operator.pods.parsing import controller_uid
from djangotasks_operator.pods.views import Body
from djangotasks_operator.reports.task_rules import Refused
from djangotasks_operator.workflows.views import StepView, Workflow, step_task_of


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


class Gathered(NamedTuple):
    """The results of all tasks of a map."""

    step: str
    width: int
    origins: Sequence[TakenOver]
    """Where those that succeeded ran."""


class Child(NamedTuple):
    """A task of a workflow."""

    part: PartOf
    at: StepTask
    task: str
    """The path of its task."""
    inputs: list[Mapping[str, Any]]
    """What its pod reads."""


def child_of(body: Body) -> Child:
    """What a DjangoTask says of itself. Raises Refused where it cannot be a workflow's."""
    spec, name = body["spec"], body["metadata"]["name"]
    part = PartOf.model_validate(spec["workflow"]) if spec.get("workflow") else None
    at = None if part is None else step_task_of(name, part)
    if part is None or at is None or controller_uid(body["metadata"]) != part.uid:
        raise _refused(f"The task {name} is no task of a workflow, and has no inputs.")
    return Child(part, at, spec["task"], list(spec.get("inputs") or ()))


def source_of(workflow: Workflow, child: Child, number: int) -> One | Gathered | None:
    """Where an input comes from; None for a step that has no result, which is null. Raises Refused, and NotRecorded."""
    step = workflow.steps.get(child.at.step)
    if number >= len(child.inputs):
        raise _refused(f"The task has {len(child.inputs)} inputs.")
    source = child.inputs[number].get("step")
    if step is None or step.task != child.task or not _gives(workflow, step, source):
        raise _refused(f"The workflow {workflow.metadata.name} does not give this task that result.")
    if source is None:
        return _item(workflow, step, child.at)
    found = _record(workflow, source)
    if not found.phase.is_over:
        raise NotRecorded
    if not workflow.steps[source].is_map:
        return _one(workflow, StepTask(source, 0)) if found.phase is StepPhase.SUCCEEDED else None
    if found.width is None:
        return None
    return Gathered(source, found.width, found.origins(workflow.metadata.name, workflow.uid))


def _gives(workflow: Workflow, step: StepView, source: str | None) -> bool:
    if source is None:
        return step.takes_item and (step.over or step.each) in workflow.steps
    return source in step.sources and source in workflow.steps


def _item(workflow: Workflow, step: StepView, at: StepTask) -> One:
    if step.each is not None:
        return _one(workflow, StepTask(step.each, at.number))
    return _one(workflow, StepTask(step.over or "", 0))._replace(item=at.number)


def _one(workflow: Workflow, task: StepTask) -> One:
    """Raises NotRecorded where the task has not succeeded."""
    record = _record(workflow, task.step)
    if task.number not in record.completed:
        raise NotRecorded
    source = record.source(task.number) or TakenOver(workflow.metadata.name, workflow.uid, record.completed)
    index = task.number if workflow.steps[task.step].is_map else None
    return One(step_task_name(source.workflow, task.step, index), source.uid)


def _record(workflow: Workflow, step: str) -> Record:
    status = (workflow.status.get("steps") or {}).get(step)
    try:
        return Record() if status is None else record_of(step, status, workflow.steps[step].is_map)
    except InvalidGraph:
        raise NotRecorded from None


def _refused(message: str) -> Refused:
    return Refused(403, Refusal.INPUT_UNAVAILABLE, message)
