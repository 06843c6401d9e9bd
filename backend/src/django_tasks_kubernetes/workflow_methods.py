"""What a backend does with workflows."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import sync_to_async
from django.tasks.exceptions import InvalidTask

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.validation import valid_name

if TYPE_CHECKING:
    from django_tasks_kubernetes.conf import Options
    from django_tasks_kubernetes.durations import Duration
    from django_tasks_kubernetes.waiting.changes import Changes
    from django_tasks_kubernetes.workflows.declare import Workflow
    from django_tasks_kubernetes.workflows.result import WorkflowResult
    from django_tasks_kubernetes.workflows.service import WorkflowService


class WorkflowMethods:
    """A part of KubernetesBackend."""

    if TYPE_CHECKING:

        @property
        def parsed_options(self) -> Options: ...

        @property
        def _is_pending(self) -> Callable[[str], bool] | None: ...

    @cached_property
    def workflows(self) -> "WorkflowService":
        """Its workflows."""
        # With the first of them: most task pods have none.
        from django_tasks_kubernetes.workflows.service import WorkflowService

        return WorkflowService.of(self)

    def enqueue_workflow[**P, R](
        self, workflow: "Workflow[P, R]", args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> "WorkflowResult[R]":
        """Creates the DjangoTaskWorkflow. See Workflow.enqueue()."""
        return cast("WorkflowResult[R]", self.workflows.enqueue(workflow, args, kwargs))

    async def aenqueue_workflow[**P, R](
        self, workflow: "Workflow[P, R]", args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> "WorkflowResult[R]":
        """See Workflow.enqueue(). In the thread that has the database connections, for the function that draws it."""
        return await sync_to_async(self.enqueue_workflow, thread_sensitive=True)(workflow, args, kwargs)

    def get_workflow(self, workflow_id: str) -> "WorkflowResult[Any]":
        """The workflow, as it is in the cluster now. Raises TaskResultDoesNotExist, and as get_result() does."""
        return self.workflows.get(valid_name(workflow_id))

    async def aget_workflow(self, workflow_id: str) -> "WorkflowResult[Any]":
        """See get_workflow()."""
        return await sync_to_async(self.get_workflow, thread_sensitive=True)(workflow_id)

    def create_returned_workflow(self, resource: Resource) -> Resource:
        """Creates a workflow that a task returns, whatever credentials its pod has: the operator alone can say that it
        is returned. Raises as enqueue() does in a task's pod."""
        from django_tasks_kubernetes.kube import own_attempt
        from django_tasks_kubernetes.kube.client import Client

        if (attempt := own_attempt.current()) is None:
            raise InvalidTask("as_result() is for the code of a task. Elsewhere use enqueue().")
        client = Client.of_attempt(attempt, self.parsed_options).workflows()
        resource = resource | {"spec": resource["spec"] | {"returnedBy": {"name": attempt.id}}}
        return client.create(resource) or resource

    def workflow_changes_of(
        self, result: "WorkflowResult[Any]", timeout: "Duration | None"
    ) -> "Changes[WorkflowResult[Any]]":
        """Follows a workflow until it is finished, or the time is over. For its result's wait().

        Raises ValueError or TypeError for what is no duration.
        """
        from django_tasks_kubernetes.waiting.changes import Changes
        from django_tasks_kubernetes.waiting.steps import TaskSource

        source = TaskSource(
            store=lambda: self.workflows.workflows, decode=self.workflows.result_of, is_pending=self._is_pending
        )
        return Changes(source, result.id, queue=result.queue, timeout=timeout)
