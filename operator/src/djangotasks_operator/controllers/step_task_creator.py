"""Create the tasks of workflows, each with the results of other steps that it takes."""

from collections.abc import Callable
from datetime import datetime

from djangotasks_api.workflow.inputs import InputError
from djangotasks_api.workflow.tasks import task_manifest
from djangotasks_operator.cache.workflow_writer import NameTaken, WorkflowWriter
from djangotasks_operator.controllers.flow import Flow
from djangotasks_operator.controllers.flows import Flows
from djangotasks_operator.controllers.step_results import StepResults
from djangotasks_operator.controllers.work_queues import WorkflowTask, WorkQueues
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.errors import ApiError, is_client_error
from djangotasks_operator.workflows.status import timestamp

# Requests for them at once, of the client's that are in flight.
CREATIONS_IN_FLIGHT = 24


class StepTaskCreator:
    def __init__(
        self,
        writer: WorkflowWriter,
        results: StepResults,
        work: WorkQueues,
        flows: Flows,
        now: Callable[[], datetime],
    ) -> None:
        self._writer = writer
        self._work = work
        self._flows = flows
        self._now = now
        self._results = results

    async def reconcile(self, key: WorkflowTask) -> Result:
        """Create the task, unless its workflow does not need it any more. RETRY where the API server refuses it."""
        flow, workflow = self._flows.get(key.workflow), self._writer.store.workflows.get(key.workflow)
        task = key.task
        if flow is None:
            # There was no room for it: it is read again.
            self._work.workflow_changed(key.workflow)
            return Result.DONE
        if workflow is None or workflow.uid != flow.uid or task not in flow.to_create:
            return Result.DONE
        if not workflow.creates(task.step, self._now()):
            flow.give_back(task)
            self._work.workflow_changed(key.workflow)
            return Result.DONE
        try:
            arguments = await self._results.arguments(flow, task)
        except InputError as error:
            flow.refuse(task, error.reason, str(error))
            self._work.workflow_changed(key.workflow)
            return Result.DONE
        manifest = task_manifest(flow.plan, flow.body, task, arguments, timestamp(self._now()))
        try:
            await self._writer.create_task(manifest)
        except NameTaken as error:
            return self._blocked(key, flow, str(error))
        except ApiError as error:
            if not (is_client_error(error) or error.of_admission):
                raise
            name = manifest["metadata"]["name"]
            return self._blocked(key, flow, f"The API server refuses the task {name}: {error.message}")
        flow.created(task)
        return Result.DONE

    def _blocked(self, key: WorkflowTask, flow: Flow, message: str) -> Result:
        flow.blocked[key.task] = message
        self._work.workflow_changed(key.workflow)
        return Result.RETRY
