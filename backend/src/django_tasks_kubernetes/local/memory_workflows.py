"""The DjangoTaskWorkflows of this process, in its memory."""

from typing import ClassVar

from django.utils import timezone

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.exceptions import TaskRefused
from django_tasks_kubernetes.local.memory_store import MemoryStore
from django_tasks_kubernetes.local.running import Running, current
from django_tasks_kubernetes.local.workflow import LocalWorkflow
from djangotasks_api import refusals
from djangotasks_api.workflow.bounds import NESTING
from djangotasks_api.workflow.records import WorkflowPhase, WorkflowReason
from djangotasks_api.workflow.retry import NotRetryable


class MemoryWorkflows(MemoryStore):
    """Beside the store of their tasks."""

    first_phase: ClassVar[WorkflowPhase] = WorkflowPhase.PENDING

    def __init__(self, tasks: MemoryStore) -> None:
        super().__init__()
        self._tasks = tasks
        self.unfinished: dict[str, LocalWorkflow] = {}
        # Workflows that tasks have returned: how those tasks end, once that is known.
        self._returned: dict[str, Resource | None] = {}

    @property
    def workflows(self) -> MemoryStore:
        return self

    def create(self, resource: Resource) -> Resource | None:
        if (known := super().create(resource)) is None:
            name = resource["metadata"]["name"]
            try:
                self.unfinished[name] = LocalWorkflow(resource, self, self._tasks)
            except NotRetryable as error:
                self.resources[name]["status"] = {
                    "phase": WorkflowPhase.FAILED.value,
                    "reason": WorkflowReason.NOT_RETRYABLE.value,
                    "message": str(error),
                    "finishedAt": to_wire(timezone.now()),
                }
                self.changed(name)
        return known

    def create_returned(self, resource: Resource) -> Resource:
        """Creates a workflow that the task whose code is running returns, as the operator does. Raises PermissionDenied
        and TaskRefused."""
        task = current()
        if task is None:
            raise TaskRefused("as_result() is for the code of a task. Elsewhere use enqueue().")
        self.check_returned(task)
        part = self._tasks.resources[task.name]["spec"].get("workflow")
        above = {} if part is None else self.resources[part["name"]]["spec"].get("returnedBy") or {}
        if (depth := above.get("depth", 0) + 1) not in NESTING:
            raise TaskRefused(refusals.too_deep(NESTING.most))
        by = {"name": task.name, "uid": task.name, "depth": depth}
        resource = resource | {"spec": resource["spec"] | {"returnedBy": by}}
        self._returned.setdefault(resource["metadata"]["name"])
        return self.create(resource) or resource

    def check_returned(self, task: Running) -> None:
        """Raises PermissionDenied where a task may return no workflow."""

    def cancel(self, name: str, reason: str) -> Resource:
        if not WorkflowPhase(self.get(name)["status"]["phase"]).is_terminal:
            self.resources[name]["spec"] |= {"cancel": True, "cancelReason": reason}
        return self.get(name)

    def advance(self) -> list[str]:
        """Returns the names of the tasks that were created."""
        created: list[str] = []
        while True:
            for name, workflow in list(self.unfinished.items()):
                created += workflow.advance()
                if workflow.is_over:
                    self.over(workflow)
                    del self.unfinished[name]
            if not self.end_tasks():
                return created

    def over(self, workflow: LocalWorkflow) -> None:
        """The workflow is over: so is the task that has returned it."""
        if workflow.name in self._returned:
            self._returned[workflow.name] = workflow.end_of_task()

    def end_tasks(self) -> bool:
        """Ends the tasks whose workflow is over. Returns whether there are any."""
        ended = False
        for name, end in list(self._returned.items()):
            task = self._tasks.resources.get(self.resources[name]["spec"]["returnedBy"]["name"])
            if task is None or task["status"]["phase"].is_terminal:
                del self._returned[name]
            elif end is not None and task["status"].get("returnedWorkflow") == name:
                del self._returned[name]
                task["status"] = task["status"] | end | {"finishedAt": to_wire(timezone.now())}
                self._tasks.changed(task["metadata"]["name"])
                ended = True
        return ended
