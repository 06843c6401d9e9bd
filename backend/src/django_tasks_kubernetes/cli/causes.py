"""Why steps of a workflow failed, from the first of their tasks that did, which is read once; and what the first that
is not over waits for."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.cli.workflow_session import WorkflowSession
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.pages import AttemptView
from django_tasks_kubernetes.presentation.rows import row, step_text
from django_tasks_kubernetes.presentation.workflow_tree import StepView
from djangotasks_api.names import step_task_name
from djangotasks_api.workflow.records import StepPhase, StepReason

STEPS_SHOWN: Final = 10
INDEXES_SHOWN: Final = 5


class Causes:
    def __init__(self, session: WorkflowSession) -> None:
        self._session = session
        self._words: dict[str, str | None] = {}

    def of(self, resource: Resource, steps: Iterable[StepView]) -> Iterator[AttemptView]:
        """A heading and the words for each of the first steps with failures."""
        name = resource["metadata"]["name"]
        failed = (step for step in steps if step.phase == StepPhase.FAILED or step.failed)
        for step in islice(failed, STEPS_SHOWN):
            index = next(iter(step.failed), None) if step.is_map else None
            words = (
                self._of_task(step_task_name(name, step.name, step.task_of(index))) if _by_task(step, index) else None
            )
            yield AttemptView(_heading(step, index), words or step.message or step.reason, "", failed=True)

    def of_waiting(self, resource: Resource, steps: Iterable[StepView]) -> Iterator[AttemptView]:
        """What tasks of steps that run wait for, such as a queue that is not there."""
        for step in islice((step for step in steps if step.phase == StepPhase.RUNNING), STEPS_SHOWN):
            index = step.first_unfinished if step.is_map else None
            try:
                task = step_task_name(resource["metadata"]["name"], step.name, step.task_of(index))
                found = row(self._session.tasks.tasks.get(task))
            except TaskException:
                continue  # It does not exist yet.
            if found.reason and not found.is_finished:
                words = ": ".join(part for part in (found.reason, found.explanation) if part)
                yield AttemptView(f"{step_text(step.name, index)} is {found.phase}", words, "", failed=False)

    def _of_task(self, task: str) -> str | None:
        """Why a task failed; None where it cannot be read, as when it was deleted."""
        if task not in self._words:
            try:
                found = row(self._session.tasks.tasks.get(task))
            except TaskException:
                self._words[task] = None
            else:
                self._words[task] = ": ".join(part for part in (found.reason, found.explanation) if part)
        return self._words[task]


def _by_task(step: StepView, index: int | None) -> bool:
    """Whether it was a task that failed, and not the step for another reason."""
    return index is not None or (not step.is_map and step.reason == StepReason.TASK_FAILED)


def _heading(step: StepView, index: int | None) -> str:
    others = [str(other) for other in islice(step.failed, 1, INDEXES_SHOWN)] if step.is_map else []
    more = len(step.failed) - 1 - len(others)
    also = f" (also {', '.join(others)}{f' and {more:,} more' if more > 0 else ''})" if others else ""
    return f"{step_text(step.name, index)}{also}"
