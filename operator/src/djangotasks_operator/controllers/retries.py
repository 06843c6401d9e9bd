"""Let a workflow that retries another one take over what succeeded there, before anything else of it."""

from typing import Any

from djangotasks_api.workflow.retry import NotRetryable
from djangotasks_api.workflow.stored import step_status
from djangotasks_api.workflow.tasks import task_name
from djangotasks_operator.cache.workflow_writer import WorkflowWriter
from djangotasks_operator.controllers.plans import Plans, Reading, Takeover
from djangotasks_operator.pods.views import Body
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.workflows.views import Workflow, WorkflowId


class Retries:
    def __init__(self, writer: WorkflowWriter, plans: Plans) -> None:
        self._writer = writer
        self._store = writer.store
        self._plans = plans

    async def begin(self, workflow: Workflow, body: Body, reading: Reading) -> dict[str, Any]:
        """Record what the workflow takes over, where it has not. Returns the status of its steps.

        Raises NotRetryable, and what the client raises.
        """
        steps: dict[str, Any] = (body.get("status") or {}).get("steps") or {}
        retry_of = body["spec"].get("retryOf")
        if retry_of is None or steps:
            return steps
        name, uid = retry_of["name"], retry_of["uid"]
        earlier = await self._writer.find(workflow.metadata.namespace, name)
        if earlier is None or earlier["metadata"]["uid"] != uid:
            raise NotRetryable(f"There is no workflow {name} of this uid any more. Enqueue it again instead.")
        first = self._store.workflows.retries.first(WorkflowId(workflow.metadata.namespace, uid))
        if first is not None and first.uid != workflow.uid:
            raise NotRetryable(f"The workflow {first.metadata.name} retries {name} already, and has not ended.")
        takeover = await self._plans.take_over(reading, earlier)
        self._check_results(workflow.metadata.namespace, reading, takeover)
        graph = reading.plan.graph
        found = {
            step: {key: value for key, value in step_status(record, is_map=graph[step].is_map).items() if value}
            for step, record in takeover.records.items()
        }
        if found:
            try:
                await self._writer.write_status(workflow, {"phase": workflow.phase.value, "steps": found})
            except ApiError as error:
                if not error.too_large:
                    raise
                words = f"There is no room to record what it takes over of {name}. Enqueue it again instead."
                raise NotRetryable(words) from error
        return found

    def _check_results(self, namespace: str, reading: Reading, takeover: Takeover) -> None:
        missing = [
            task_name(reading.plan, source.workflow, task)
            for source, task in takeover.needed
            if not self._store.workflows.has_result(WorkflowId(namespace, source.uid), task)
        ]
        if missing:
            more = f" and {len(missing) - 1:,} others" if len(missing) > 1 else ""
            raise NotRetryable(
                f"The task {missing[0]}{more} of the earlier workflow was deleted, and its result is needed. Enqueue "
                "the workflow again instead."
            )
