"""The end of a task that has returned a workflow: it ends as the workflow does, and has its result."""

from collections.abc import Callable
from datetime import datetime

from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.models import TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.workflow.graph import InvalidGraph
from djangotasks_api.workflow.inputs import InputError
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.cache.workflow_writer import WorkflowWriter
from djangotasks_operator.controllers.flow import Flow
from djangotasks_operator.controllers.plans import Plans
from djangotasks_operator.controllers.step_results import StepResults
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.pods.views import Body
from djangotasks_operator.status import endings
from djangotasks_operator.status.text import truncate_message
from djangotasks_operator.workflows.views import Origin, Workflow, parse_workflow


class ReturnedWorkflows:
    def __init__(self, writer: WorkflowWriter, results: StepResults, plans: Plans, now: Callable[[], datetime]) -> None:
        self._writer = writer
        self._results = results
        self._plans = plans
        self._now = now

    async def settle(self, snapshot: Snapshot) -> TaskStatus | None:
        """The status of the task where the workflow is over, or gone. Else the workflow is cancelled where the task is:
        None. Raises what the client raises."""
        task, name = snapshot.task, snapshot.task.status.returned_workflow or ""
        body = await self._writer.find(task.metadata.namespace, name)
        workflow = None if body is None else parse_workflow(body)
        if body is None or workflow is None or workflow.returned_by != Origin(task.metadata.name, task.metadata.uid):
            return self._failed(snapshot, Reason.WORKFLOW_FAILED, f"The workflow {name}, which it returned, is gone.")
        self._writer.store.workflows.put(workflow)
        if workflow.phase.is_terminal:
            return await self._ended(snapshot, workflow, body)
        if snapshot.cancelled(self._now()) and not workflow.cancel:
            why = task.spec.cancel_reason or snapshot.stopped_by(self._now()) or f"its task {task.metadata.name} was"
            await self._writer.cancel(workflow, why)
        return None

    async def _ended(self, snapshot: Snapshot, workflow: Workflow, body: Body) -> TaskStatus:
        name, status = workflow.metadata.name, workflow.status
        said = f"The workflow {name}, which it returned, is {workflow.phase}, {status.get('reason')}: "
        match workflow.phase:
            case WorkflowPhase.CANCELLED:
                message = truncate_message(f"{said}{status.get('message')}")
                old = snapshot.task.status
                return endings.finished(old, Phase.CANCELLED, Reason.CANCEL_REQUESTED, message, self._now())
            case WorkflowPhase.SUCCEEDED:
                return await self._succeeded(snapshot, name, body)
            case _:
                return self._failed(snapshot, Reason.WORKFLOW_FAILED, f"{said}{status.get('message')}")

    async def _succeeded(self, snapshot: Snapshot, name: str, body: Body) -> TaskStatus:
        try:
            flow = Flow(body, await self._plans.read_once(body), (body.get("status") or {}).get("steps") or {})
            text = await self._results.output(flow)
        except (InputError, InvalidGraph) as error:
            said = f"The result of the workflow {name}, which it returned, cannot be had: {error}"
            return self._failed(snapshot, Reason.WORKFLOW_FAILED, said)
        if len(text.encode("utf-8", "surrogatepass")) > RESULT_MAX_BYTES:
            said = f"The result of the workflow {name}, which it returned, is larger than {RESULT_MAX_BYTES:,} bytes."
            return self._failed(snapshot, Reason.RESULT_TOO_LARGE, said)
        now = self._now()
        return endings.succeeded(snapshot.task.status, text, now, now)

    def _failed(self, snapshot: Snapshot, reason: Reason, message: str) -> TaskStatus:
        return endings.finished(snapshot.task.status, Phase.FAILED, reason, truncate_message(message), self._now())
