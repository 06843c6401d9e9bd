"""What enqueue() of a workflow returns: its status, its steps, and its result."""

import json
import socket
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from asgiref.sync import sync_to_async
from django.tasks import TaskResultStatus
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils.asyncio import async_unsafe

from django_tasks_kubernetes.codec.decode import enqueued_by_of
from django_tasks_kubernetes.codec.resource import Resource, status_of
from django_tasks_kubernetes.codec.times import from_wire
from django_tasks_kubernetes.durations import Duration
from django_tasks_kubernetes.exceptions import WorkflowFailed
from django_tasks_kubernetes.workflows.step_state import StepState, WorkflowProgress, never_there
from django_tasks_kubernetes.workflows.texts import output_text, records_in
from djangotasks_api.bounds import CANCEL_REASON_MAX_CHARS
from djangotasks_api.names import step_task_name
from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.records import WorkflowPhase

if TYPE_CHECKING:
    from django_tasks_kubernetes.result import EnqueuedBy, KubernetesResult
    from django_tasks_kubernetes.store import TaskStore


class Changes(Iterable["WorkflowResult[Any]"], AsyncIterable["WorkflowResult[Any]"], Protocol):
    """The states of one workflow, until it is finished or the time is over."""

    def timed_out(self, what: str, state: str, reason: str | None, message: str | None) -> Exception: ...


class Source(Protocol):
    """Where workflows and their tasks are."""

    @property
    def workflows(self) -> "TaskStore": ...

    @property
    def tasks(self) -> "TaskStore": ...

    def decode(self, resource: Resource) -> "KubernetesResult":
        """The result of a task. Raises InvalidResource."""

    def retry(self, name: str) -> "WorkflowResult[Any]":
        """Creates a workflow that retries this one. Raises NotRetryable."""

    def result_text(self, resource: Resource) -> str:
        """The return value of a task that succeeded, as JSON text. Raises InvalidResource or StorageFailed."""

    def changes_of(self, result: "WorkflowResult[Any]", timeout: Duration | None) -> Changes:
        """Follows it. Raises ValueError or TypeError for what is no duration."""


class WorkflowResult[R]:
    """A workflow, as it was when it was read: refresh() reads it again."""

    def __init__(self, resource: Resource, source: Source) -> None:
        self._resource = resource
        self._source = source

    def __repr__(self) -> str:
        return f"<WorkflowResult {self.id}: {self.workflow or 'workflow'}, {self.phase}>"

    @property
    def id(self) -> str:
        """Of the workflow, for get_workflow(); the name of its DjangoTaskWorkflow."""
        return str(self._resource["metadata"]["name"])

    @property
    def workflow(self) -> str:
        """The path of the function that drew it; empty for a chain or a group."""
        return str(self._spec.get("workflow") or "")

    @property
    def phase(self) -> WorkflowPhase:
        """Pending, Running, Succeeded, Failed or Cancelled."""
        return WorkflowPhase(self._status.get("phase") or WorkflowPhase.PENDING)

    @property
    def status(self) -> TaskResultStatus:
        """In the words of Django's tasks."""
        if self.phase is WorkflowPhase.PENDING:
            return TaskResultStatus.READY
        return status_of({"phase": self.phase.value})

    @property
    def is_finished(self) -> bool:
        """Whether all its steps are over."""
        return self.phase.is_terminal

    @property
    def reason(self) -> str | None:
        """One word for why it failed or was cancelled, or what it waits for."""
        return self._status.get("reason")

    @property
    def message(self) -> str | None:
        """The reason as a sentence."""
        return self._status.get("message")

    @property
    def queue(self) -> str:
        """Of steps that name none."""
        return str(self._spec.get("queue") or "default")

    @property
    def enqueued_by(self) -> "EnqueuedBy | None":
        """The task that has enqueued it; None where none has, and before the commit that creates it."""
        return enqueued_by_of(self._spec)

    @property
    def enqueued_at(self) -> datetime | None:
        """When enqueue() was called."""
        return from_wire(self._spec.get("enqueuedAt") or self._resource["metadata"].get("creationTimestamp"))

    @property
    def started_at(self) -> datetime | None:
        """When its first step began. None before."""
        return from_wire(self._status.get("startedAt"))

    @property
    def finished_at(self) -> datetime | None:
        """When its last step was over. None before."""
        return from_wire(self._status.get("finishedAt"))

    @property
    def progress(self) -> WorkflowProgress | None:
        """None before it has begun."""
        done, slash, total = str(self._status.get("progress") or "").partition("/")
        return WorkflowProgress(int(done), int(total)) if slash else None

    @property
    def steps(self) -> Mapping[str, StepState]:
        """All steps, in the order in which they were drawn."""
        records, stored = self._records(), self._status.get("steps") or {}

        def state(step: Mapping[str, Any]) -> StepState:
            record, status = records(step["name"]), stored.get(step["name"]) or {}
            return StepState(
                name=step["name"],
                task=step["task"],
                phase=record.phase,
                reason=status.get("reason"),
                message=status.get("message"),
                width=record.width,
                completed=frozenset(record.completed),
                failed=frozenset(record.failed),
                started_at=from_wire(status.get("startedAt")),
                finished_at=from_wire(status.get("finishedAt")),
            )

        return {step["name"]: state(step) for step in self._spec["steps"]}

    def task_result(self, step: str, index: int | None = None) -> "KubernetesResult":
        """The result of a step's task; of a map, of that of an item, which may be a chunk. Of a retry it may be a task
        of an earlier workflow. Raises TaskResultDoesNotExist where there is none (yet), or any more (`keep`), and as
        get_result() does."""
        record = self._records()(step)
        if problem := never_there(self._spec["steps"], step, index, record.width):
            raise TaskResultDoesNotExist(problem)
        source = record.source(index or 0)
        number = index if index is None else index // (self._chunk(step) or 1)
        name = step_task_name(self.id if source is None else source.workflow, step, number)
        try:
            return self._source.decode(self._source.tasks.get(name))
        except TaskResultDoesNotExist:
            if (index or 0) in record.completed or (index or 0) in record.failed:
                raise TaskResultDoesNotExist(
                    f"The task {name} has ended, and was deleted since: by hand, or because its step says so (keep)."
                ) from None
            raise

    def task_results(self) -> "Iterator[KubernetesResult]":
        """The results of all its tasks that exist, in no order."""
        return map(self._source.decode, self._source.tasks.find(f"spec.workflow.name={self.id}"))

    @property
    def return_value(self) -> R:
        """The result of the workflow. Raises ValueError where it has none: it failed, or is not finished;
        InvalidResource where a part of it is not there, or its task was deleted; and StorageFailed."""
        if self.phase is not WorkflowPhase.SUCCEEDED:
            raise ValueError(f"Workflow {self.id} has no result: it is {self.phase}.")
        return cast("R", json.loads(output_text(self._source, self._resource)))

    def refresh(self) -> None:
        """Read the workflow again. Raises as get_workflow() does."""
        self._resource = self._source.workflows.get(self.id)

    async def arefresh(self) -> None:
        """See refresh()."""
        await sync_to_async(self.refresh, thread_sensitive=True)()

    @async_unsafe("This would block the event loop. Use await result.await_() or aget().")
    def wait(self, timeout: Duration | None = None) -> "WorkflowResult[R]":
        """Waits until the workflow is finished, and returns this result, refreshed. `timeout`: None for no limit.

        It watches rather than polls. Raises WaitTimeout; TaskResultDoesNotExist when the workflow is deleted meanwhile;
        and as get_workflow() does.
        """
        if not self.is_finished:
            changes = self._source.changes_of(self, timeout)
            for changed in changes:
                self._resource = changed._resource
            self._check_finished(changes)
        return self

    async def await_(self, timeout: Duration | None = None) -> "WorkflowResult[R]":  # noqa: ASYNC109 - as wait()
        """See wait(). No thread waits."""
        if not self.is_finished:
            changes = self._source.changes_of(self, timeout)
            async for changed in changes:
                self._resource = changed._resource
            self._check_finished(changes)
        return self

    def same_state(self, other: Self) -> bool:
        """Whether both show the same state of the workflow."""
        return bool(self._status == other._status)

    def get(self, timeout: Duration | None = None) -> R:
        """Waits, and returns the result. Raises WorkflowFailed when the workflow failed or was cancelled, and as wait()
        does."""
        return self.wait(timeout)._returned()

    async def aget(self, timeout: Duration | None = None) -> R:  # noqa: ASYNC109 - as get()
        """See get()."""
        await self.await_(timeout)
        return await sync_to_async(self._returned, thread_sensitive=False)()

    def cancel(self, reason: str = "") -> None:
        """Asks the operator to cancel it: what runs is stopped, nothing else begins, and steps that run always do. One
        that is finished, or cancelled already, is left unchanged. `reason`: who or what asks, and why; by default this
        host's name."""
        text = (reason or f"asked by {socket.gethostname()}")[:CANCEL_REASON_MAX_CHARS]
        self._resource = self._source.workflows.cancel(self.id, text)

    async def acancel(self, reason: str = "") -> None:
        """See cancel()."""
        await sync_to_async(self.cancel, thread_sensitive=True)(reason)

    def retry(self) -> "WorkflowResult[R]":
        """Enqueues the workflow once more, at once: steps, and items of maps, that succeeded are taken over with their
        results, the others run, and so do all that run on failure or always. Returns the result of the new workflow;
        this one stays as it is, and is kept as long as the new one.

        Raises NotRetryable where it has not ended, or succeeded, and as enqueue() does. Where a result that is needed
        was deleted meanwhile, the new workflow fails at once, with the reason NotRetryable.
        """
        return self._source.retry(self.id)

    async def aretry(self) -> "WorkflowResult[R]":
        """See retry()."""
        return await sync_to_async(self.retry, thread_sensitive=True)()

    @property
    def retry_of(self) -> str | None:
        """The id of the workflow that this one retries."""
        return (self._spec.get("retryOf") or {}).get("name")

    def _returned(self) -> R:
        if self.phase is not WorkflowPhase.SUCCEEDED:
            raise WorkflowFailed(f"Workflow {self.id} is {self.phase}: {self.reason}. {self.message or ''}".strip())
        return self.return_value

    def _check_finished(self, changes: Changes) -> None:
        if not self.is_finished:
            raise changes.timed_out(f"Workflow {self.id}", self.phase, self.reason, self.message)

    @property
    def _spec(self) -> Resource:
        return cast("Resource", self._resource["spec"])

    @property
    def _status(self) -> Mapping[str, Any]:
        return self._resource.get("status") or {}

    def _chunk(self, step: str) -> int | None:
        """How many items one task of the step is for."""
        return next(
            ((found.get("map") or {}).get("chunk") for found in self._spec["steps"] if found["name"] == step), None
        )

    def _records(self) -> inputs.Records:
        return records_in(self._resource, Plan.of(self._spec))
