"""From a workflow and its arguments to a stored DjangoTaskWorkflow, and back to its result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.conf import Enqueue, Options
from django_tasks_kubernetes.durations import Duration
from django_tasks_kubernetes.enqueue.on_commit import on_commit
from django_tasks_kubernetes.exceptions import InvalidResource
from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.returned import ReturnedWorkflow
from django_tasks_kubernetes.store import TaskStore
from django_tasks_kubernetes.workflows.declare import Workflow
from django_tasks_kubernetes.workflows.new_workflow import new_workflow
from django_tasks_kubernetes.workflows.result import Changes, WorkflowResult
from django_tasks_kubernetes.workflows.retry import retried
from django_tasks_kubernetes.workflows.texts import arguments_text
from djangotasks_api.stored import TextRef
from djangotasks_api.task_ids import id_for
from djangotasks_api.workflow.plan import key_scope

if TYPE_CHECKING:
    from django_tasks_kubernetes.storage.files import Files


@dataclass(frozen=True, slots=True)
class WorkflowService:
    """The workflows of one backend. Takes callables, called each time, because a connection does not survive a fork."""

    alias: str
    options: Options
    store: Callable[[], TaskStore]
    best_effort_store: Callable[[], TaskStore]
    files: "Callable[[], Files]"
    decode: Callable[[Resource], KubernetesResult]
    follow: Callable[[WorkflowResult[Any], Duration | None], Changes]
    create_returned: Callable[[Resource], Resource]
    in_cluster: bool

    @classmethod
    def of(cls, backend: Any) -> Self:
        """Those of a KubernetesBackend."""
        return cls(
            alias=backend.alias,
            options=backend.parsed_options,
            store=lambda: backend.store,
            best_effort_store=lambda: backend.best_effort_store,
            files=lambda: backend.files,
            decode=backend.decode,
            follow=backend.workflow_changes_of,
            create_returned=backend.create_returned_workflow,
            in_cluster=backend.in_cluster,
        )

    @property
    def tasks(self) -> TaskStore:
        return self.store()

    @property
    def workflows(self) -> TaskStore:
        return self.store().workflows

    def result_text(self, resource: Resource) -> str:
        """The return value of a task that succeeded, as JSON text. Raises InvalidResource or StorageFailed."""
        name, status = resource["metadata"]["name"], resource.get("status") or {}
        if (data := status.get("resultRef")) is not None:
            try:
                return self.files().read(TextRef.from_data(data))
            except ValueError as error:
                raise InvalidResource(f"Task {name}: its resultRef is wrong: {error}.") from None
        if (text := status.get("result")) is None:
            raise InvalidResource(f"Task {name} has no result.")
        return str(text)

    def result_of(self, resource: Resource) -> WorkflowResult[Any]:
        """The result of a DjangoTaskWorkflow."""
        return WorkflowResult(resource, self)

    def changes_of(self, result: WorkflowResult[Any], timeout: Duration | None) -> Changes:
        """See Source."""
        return self.follow(result, timeout)

    def arguments_text(self, resource: Resource) -> str:
        """The arguments of a workflow's task as JSON text, with results of other steps that are not in its payload.
        Raises InvalidResource where one of them is gone, StorageFailed, and as get_result() does."""
        name, part = resource["metadata"]["name"], resource["spec"]["workflow"]
        gone = f"The arguments of task {name} are results of its workflow {part['name']}, and"
        try:
            workflow = self.workflows.get(part["name"])
            if workflow["metadata"].get("uid", part["uid"]) != part["uid"]:
                raise TaskResultDoesNotExist(part["name"])
            return arguments_text(self, workflow, resource)
        except TaskResultDoesNotExist as error:
            raise InvalidResource(f"{gone} {error} was deleted.") from error

    def get(self, name: str) -> WorkflowResult[Any]:
        """Raises TaskResultDoesNotExist."""
        return WorkflowResult(self.workflows.get(name), self)

    def enqueue(
        self, workflow: Workflow[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> WorkflowResult[Any]:
        """Draws the workflow, and creates it when OPTIONS["ENQUEUE"] says."""
        return self._put(resource_of(workflow, workflow.draw(*args, **kwargs)))

    def retry(self, name: str) -> WorkflowResult[Any]:
        """Creates a workflow that retries this one, when OPTIONS["ENQUEUE"] says. Raises NotRetryable, and as get()
        does."""
        return self._put(retried(self.workflows.get(name), timezone.now()))

    def _put(self, resource: Resource) -> WorkflowResult[Any]:
        match self.options.enqueue:
            case Enqueue.IMMEDIATE:
                return WorkflowResult(self.create(resource), self)
            case Enqueue.ON_COMMIT:
                name = resource["metadata"]["name"]
                on_commit([name], partial(self.create, resource), using=self.options.database)
            case Enqueue.OUTBOX:
                from django_tasks_kubernetes.enqueue import outbox  # has a model: only where the app is installed

                outbox.put_resource(self.alias, resource, self.best_effort_store, self.options.database)
        return WorkflowResult(resource, self)

    def to_return(
        self, workflow: Workflow[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> ReturnedWorkflow:
        """Draws the workflow, for a task to return it."""
        spec = workflow.draw(*args, **kwargs)

        def create(uid: str) -> str:
            # A later attempt of the task finds the workflow of an earlier one, which may have died before it said so.
            key = f"returned by {uid}"
            resource = resource_of(workflow, spec | {"idempotencyKey": key})
            return str(self.create_returned(resource)["metadata"]["name"])

        return ReturnedWorkflow(workflow.module_path, create)

    def create(self, resource: Resource) -> Resource:
        """Creates it at once. Returns what is stored: of two with the same key, the first."""
        workflows = self.workflows
        if (known := workflows.create(resource)) is not None:
            return known
        if not self.in_cluster:
            # enqueue() has run it.
            return workflows.get(resource["metadata"]["name"])
        if (by := workflows.enqueued_by) is None:
            return resource
        return resource | {"spec": resource["spec"] | {"enqueuedBy": {"name": by.id, "attempt": by.attempt}}}


def resource_of(workflow: Workflow[..., Any], spec: Resource) -> Resource:
    """The DjangoTaskWorkflow to create for what it has drawn, with a new id or the one of its idempotency key."""
    key = spec.get("idempotencyKey")
    name = None if key is None else id_for(key_scope(spec), key)
    now = timezone.now()
    return new_workflow(spec | {"enqueuedAt": to_wire(now)}, workflow.queue_name, now, name)
