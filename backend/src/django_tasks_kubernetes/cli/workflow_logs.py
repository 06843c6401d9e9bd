"""logs of a workflow's step: which of its tasks that is, and the log of it, also from before it exists."""

import re
from dataclasses import dataclass
from typing import Final

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.cli.logs import logs
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.cli.task_follower import TaskFollower
from django_tasks_kubernetes.cli.workflow_session import NotFound, WorkflowSession
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.filters import UsageError
from django_tasks_kubernetes.presentation.rows import step_text
from django_tasks_kubernetes.presentation.workflow_rows import workflow_row
from django_tasks_kubernetes.presentation.workflow_tree import StepView, tree
from djangotasks_api.names import step_task_name
from djangotasks_api.workflow.ranges import Indexes

# render, render[17], or the end of the task's name: render-00017.
STEP: Final = re.compile(r"(?P<step>.+?)(?:\[(?P<index>\d{1,5})\]|-(?P<number>\d{5}))?")
# The task of a step that runs is created a moment later, and that of an item when there is room.
POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """One task of a workflow."""

    step: StepView
    index: int | None

    def __str__(self) -> str:
        return step_text(self.step.name, self.index)


def step_logs(
    session: WorkflowSession,
    id_: str,
    step: str,
    *,
    follow: bool = False,
    attempt: int | None = None,
    tail: int | None = None,
) -> int:
    """Writes the log of a step's task. `step`: its name, of a map with the index: render[17]. `follow`: waits for it to
    begin, and writes to its end. Raises NotFound and UsageError."""
    resource = session.get(id_)
    place = place_of(resource, step)
    name = task_of(resource, place)
    if follow:
        name = _until_there(session, resource, place)
    try:
        return logs(session.tasks, name, follow=follow, attempt=attempt, tail=tail)
    except TaskResultDoesNotExist:
        session.output.note(why_not(resource, place))
        return Code.FAILED


def _until_there(session: WorkflowSession, resource: Resource, place: Place) -> str:
    """Waits until the task exists, or never will. Returns its name."""
    said = ""
    with TaskFollower(session.workflows, resource) as follower:
        while True:
            place = Place(next(step for step in tree(follower.resource) if step.name == place.step.name), place.index)
            name = task_of(follower.resource, place)
            try:
                session.tasks.tasks.get(name)
            except TaskResultDoesNotExist:
                if is_over(follower.resource, place):
                    return name
            else:
                return name
            if (words := why_not(follower.resource, place)) != said:
                said = words
                session.output.note(words)
            follower.wait(POLL_SECONDS)


def place_of(resource: Resource, text: str) -> Place:
    steps = {step.name: step for step in tree(resource)}
    match = STEP.fullmatch(text)
    name = match["step"] if match else text
    step = steps.get(name)
    if match is None or step is None:
        raise NotFound(f"{resource['metadata']['name']} has no step {name!r}. There are: {', '.join(steps)}.")
    number = match["index"] or match["number"]
    if not step.is_map:
        if number is not None:
            raise UsageError(f"{name} is one task, and has no index: say {name}.")
        return Place(step, None)
    if number is None:
        raise UsageError(_which(step))
    # By a number as its task has it: the first item of that.
    index = int(number) * (1 if match["index"] or step.chunk is None else step.chunk)
    if step.width is not None and index >= step.width:
        raise NotFound(f"{name} has {step.width:,} tasks, and the first is {name}[0].")
    return Place(step, index)


def task_of(resource: Resource, place: Place) -> str:
    """The name of its task: in a retry, that of the workflow that it was taken over from."""
    name: str = resource["metadata"]["name"]
    status = ((resource.get("status") or {}).get("steps") or {}).get(place.step.name) or {}
    for taken in status.get("takenOver") or ():
        if (place.index or 0) in Indexes.parse(taken["indexes"]):
            name = taken["workflow"]
    return step_task_name(name, place.step.name, place.step.task_of(place.index))


def is_over(resource: Resource, place: Place) -> bool:
    """Whether a task that is not there will not be there any more: it was deleted, or has not run and never will."""
    step, index = place.step, place.index or 0
    return step.is_over or index in step.completed or index in step.failed or workflow_row(resource).is_finished


def why_not(resource: Resource, place: Place) -> str:
    """Why a task is not there (yet), as a sentence."""
    step, row = place.step, workflow_row(resource)
    index = place.index or 0
    if index in step.completed or index in step.failed or (step.is_over and not step.is_map and step.started_at):
        return f"The task of {place} is gone, and its log with it."
    if step.is_over:
        return f"{place} did not run: {step.name} is {step.phase}{f', {step.reason}' if step.reason else ''}."
    if row.is_finished:
        return f"{place} did not run: the workflow is {row.phase}."
    if step.waits:
        needs = f", after {', '.join(step.needs)}" if step.needs else ""
        return f"{place} has not begun: {step.name} is {step.phase}{needs}."
    return f"{place} has not begun: of {step.name}, {step.tasks or 'none'} are over."


def _which(step: StepView) -> str:
    example = f"{step.name}[{next(iter(step.failed), 0)}]"
    width = f" of {step.width:,} tasks" if step.width is not None else ""
    failed = f" Failed: {step.failed}." if step.failed else ""
    return f"{step.name} is a map{width}: say which, such as '{example}', in quotes.{failed}"
