"""What is written for schedules: their tasks and workflows, and their status."""

from typing import Any

from djangotasks_api.names import WORKFLOW_KIND
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.kinds import SCHEDULES, TASKS, WORKFLOWS
from djangotasks_operator.cache.parsing import parse_task
from djangotasks_operator.cache.schedules import CachedSchedule, parse_schedule
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.runtime.errors import ApiError, unless_missing
from djangotasks_operator.runtime.resources import Object, Resource
from djangotasks_operator.workflows.views import parse_workflow


class ScheduleWriter:
    """Methods raise what the client raises: ApiError, OSError, TimeoutError."""

    def __init__(self, writer: TaskWriter) -> None:
        self._api = writer.api
        self.store = writer.store

    async def read(self, schedule: CachedSchedule) -> Object | None:
        """Read the schedule. Returns its whole body, or None where it is gone."""
        body = await unless_missing(self._api.get(SCHEDULES, *schedule.key))
        if body is None:
            self.store.schedules.drop(schedule)
            return None
        self.store.schedules.put(parse_schedule(body))
        return body

    async def create(self, namespace: str, manifest: Object) -> Object | None:
        """Create the task or workflow. Returns it, or the one that has its name; None where that was deleted
        meanwhile."""
        resource = WORKFLOWS if manifest["kind"] == WORKFLOW_KIND else TASKS
        try:
            body = await self._api.create(resource, namespace, manifest)
        except ApiError as error:
            if not error.already_exists:
                raise
            found = await unless_missing(self._api.get(resource, namespace, manifest["metadata"]["name"]))
            if found is None:
                return None
            body = found
        self._put(resource, body)
        return body

    async def cancel(self, namespace: str, name: str, schedule: str, reason: str) -> None:
        """Ask for the cancellation of the schedule's task or workflow of this name. One that is gone or has been
        cancelled is left alone."""
        workflow = self.store.workflows.get(Key(namespace, name))
        if workflow is None or workflow.schedule != schedule:
            await self._cancel_task(namespace, name, reason)
        elif not workflow.cancel:
            patch = {"metadata": {"uid": workflow.uid}, "spec": {"cancel": True, "cancelReason": reason}}
            try:
                self._put(WORKFLOWS, await self._api.patch(WORKFLOWS, namespace, name, patch))
            except ApiError as error:
                if not error.stale_or_gone:
                    raise
                self.store.workflows.drop(workflow)

    def _put(self, resource: Resource, body: Object) -> None:
        if resource is WORKFLOWS:
            self.store.workflows.put(parse_workflow(body))
        else:
            self.store.put_task(*parse_task(body))

    async def _cancel_task(self, namespace: str, name: str, reason: str) -> None:
        task = self.store.task(Key(namespace, name))
        if task is None or task.spec.cancel:
            return
        patch = {"metadata": {"uid": task.metadata.uid}, "spec": {"cancel": True, "cancelReason": reason}}
        try:
            body = await self._api.patch(TASKS, namespace, name, patch)
        except ApiError as error:
            if not error.stale_or_gone:
                raise
            self.store.drop_task(task)
            return
        self.store.put_task(*parse_task(body))

    async def write_status(self, schedule: CachedSchedule, status: dict[str, Any]) -> bool:
        """Write what differs from the schedule's status. False where the schedule had changed, and was read instead."""
        old, key = schedule.status, schedule.key
        change = {name: value for name, value in status.items() if old.get(name) != value}
        change |= {name: None for name in old if name not in status}
        try:
            body = await self._api.patch_status(SCHEDULES, key.namespace, key.name, schedule.resource_version, change)
        except ApiError as error:
            if not error.stale_or_gone:
                raise
            await self.read(schedule)
            return False
        self.store.schedules.put(parse_schedule(body))
        return True
