"""Reads and writes of workflows, and of their tasks.

Methods raise what the client raises: ApiError, OSError, TimeoutError.
"""

from typing import Any

from djangotasks_api.bounds import CANCEL_REASON_MAX_CHARS
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.kinds import TASKS, WORKFLOWS
from djangotasks_operator.cache.parsing import parse_task
from djangotasks_operator.cache.result_reader import ResultReader
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.pods.views import Body
from djangotasks_operator.runtime.errors import ApiError, unless_missing
from djangotasks_operator.runtime.resources import Object
from djangotasks_operator.workflows.views import Workflow, parse_workflow, with_status


class NameTaken(Exception):
    """Another object has the name of a task that is to be created."""


class WorkflowWriter:
    def __init__(self, tasks: TaskWriter) -> None:
        self._api = tasks.api
        self.store = tasks.store
        self._observer = tasks.observer
        self.results = ResultReader(tasks.api)

    async def read(self, workflow: Workflow) -> Body | None:
        """Read the workflow. Returns its whole body, or None if it is gone."""
        body = await self.find(*Key.of(workflow.metadata))
        if body is None:
            self.store.workflows.drop(workflow)
            return None
        self.store.workflows.put(parse_workflow(body))
        return body

    async def find(self, namespace: str, name: str) -> Body | None:
        """Read a workflow by its name. None where there is none."""
        return await unless_missing(self._api.get(WORKFLOWS, namespace, name))

    async def cancel(self, workflow: Workflow, reason: str) -> None:
        """Cancel a workflow."""
        metadata, spec = workflow.metadata, {"cancel": True, "cancelReason": reason[:CANCEL_REASON_MAX_CHARS]}
        change = {"metadata": {"uid": metadata.uid}, "spec": spec}
        body = await self._api.patch(WORKFLOWS, metadata.namespace, metadata.name, change)
        self.store.workflows.put(parse_workflow(body))

    async def write_status(self, workflow: Workflow, change: dict[str, Any]) -> Workflow:
        """Patch the status. Returns the workflow that is stored then. Raises ApiError (`stale_or_gone`) when it has
        changed."""
        metadata = workflow.metadata
        body = await self._api.patch_status(
            WORKFLOWS, metadata.namespace, metadata.name, metadata.resource_version, change
        )
        fresh = with_status(workflow, body)
        self.store.workflows.put(fresh)
        before, now = ((found.phase, found.status.get("reason")) for found in (workflow, fresh))
        if self._observer is not None and now != before:
            self._observer.workflow_transition(workflow, *now)
        return fresh

    async def create_task(self, manifest: Object) -> None:
        """Create a task, or take the one that exists. Raises NameTaken where that is another's."""
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        try:
            body = await self._api.create(TASKS, namespace, manifest)
        except ApiError as error:
            if not error.already_exists:
                raise
            body = await self._api.get(TASKS, namespace, name)
        if (body["spec"].get("workflow") or {}).get("uid") != manifest["spec"]["workflow"]["uid"]:
            raise NameTaken(f"There is another DjangoTask {name}. The step begins when that is deleted.")
        self.store.put_task(*parse_task(body))

    async def delete(self, workflow: Workflow) -> None:
        """Delete a workflow, with its tasks."""
        metadata = workflow.metadata
        await self._api.delete(WORKFLOWS, metadata.namespace, metadata.name, metadata.uid)
        self.store.workflows.drop(workflow)
