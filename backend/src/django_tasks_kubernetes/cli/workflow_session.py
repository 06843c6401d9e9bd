"""What the shells give the verbs of workflows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes.cli.output import Output
from django_tasks_kubernetes.cli.session import Session
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.filters import WorkflowFilter
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow, row_of_table
from django_tasks_kubernetes.store import TaskStore
from django_tasks_kubernetes.workflows.retry import retried


class NotFound(TaskException):
    """A workflow, or a step of one, that there is not. The message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSession:
    """What a verb works with."""

    workflows: Session
    """Whose `tasks` are the workflows."""

    tasks: Session
    """For their tasks, and the logs of these."""

    @property
    def output(self) -> Output:
        return self.workflows.output

    def name_of(self, id_: str) -> str:
        """The name of a workflow; see Session.name_of()."""
        try:
            return self.workflows.name_of(id_)
        except TaskResultDoesNotExist:
            raise missing(id_) from None

    def get(self, id_: str) -> Resource:
        """Raises NotFound."""
        name = self.name_of(id_)
        try:
            return self.workflows.tasks.get(name)
        except TaskResultDoesNotExist:
            raise self._missing(id_, name) from None

    def _missing(self, id_: str, name: str) -> NotFound:
        try:
            self.tasks.tasks.get(name)
        except TaskException:
            return missing(id_)
        return NotFound(f"{id_!r} is a task, and no workflow. See it with: show {id_}")

    def rows(self, which: WorkflowFilter) -> Iterator[WorkflowRow]:
        """Those that match, as the API server's table has them: without their graphs and lists, which may be large."""
        for row in map(row_of_table, self.workflows.client.table(which.selector)):
            if which.matches(row):
                yield row


def retry_workflow(workflows: TaskStore, name: str) -> str:
    """Creates a workflow that does what did not succeed in another one. Returns its id. Raises NotRetryable."""
    new = retried(workflows.get(name), datetime.now(UTC))
    workflows.create(new)
    id_: str = new["metadata"]["name"]
    return id_


def missing(id_: str) -> NotFound:
    return NotFound(f"There is no workflow {id_!r}.")
