"""DjangoTaskWorkflows as the API server gives them, and a session without one."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.workflow_session import WorkflowSession, retry_workflow
from django_tasks_kubernetes.codec.resource import Resource
from tests.unit.backend.resources import FakeTasks, Recorded

# A report for each customer, all of them gathered; what follows a failure, and what is done in any case.
REPORT: list[dict[str, Any]] = [
    {"name": "extract", "task": "shop.flows.extract"},
    {
        "name": "render",
        "task": "shop.flows.render",
        "map": {"over": "extract"},
        "inputs": [{"into": "/args/0"}],
        "maxFailedIndexes": 1,
    },
    {
        "name": "publish",
        "task": "shop.flows.publish",
        "inputs": [{"into": "/args/0", "step": "render"}, {"into": "/args/1", "step": "extract"}],
    },
    {"name": "alert", "task": "shop.flows.alert", "after": ["publish"], "runs": "OnFailure"},
    {"name": "clean-up", "task": "shop.flows.clean_up", "after": ["publish"], "runs": "Always"},
]
BEGUN = "2026-11-23T12:00:01Z"
RUNNING: dict[str, Any] = {
    "phase": "Running",
    "progress": "5/14",
    "active": 2,
    "startedAt": BEGUN,
    "steps": {
        "extract": {"phase": "Succeeded", "startedAt": BEGUN, "finishedAt": "2026-11-23T12:00:04Z"},
        "render": {
            "phase": "Running",
            "startedAt": "2026-11-23T12:00:04Z",
            "width": 10,
            "completedIndexes": "0-2",
            "failedIndexes": "3",
        },
    },
}
FAILED: dict[str, Any] = {
    "phase": "Failed",
    "reason": "StepFailed",
    "message": "render: 3 of 10 failed. flow-render-00003 is Failed, TaskError: ValueError: no address",
    "progress": "14/14",
    "active": 0,
    "startedAt": BEGUN,
    "finishedAt": "2026-11-23T12:00:31Z",
    "steps": {
        "extract": {"phase": "Succeeded", "startedAt": BEGUN, "finishedAt": "2026-11-23T12:00:04Z"},
        "render": {
            "phase": "Failed",
            "reason": "TaskFailed",
            "message": "3 of 10 failed. flow-render-00003 is Failed, TaskError: ValueError: no address",
            "startedAt": "2026-11-23T12:00:04Z",
            "finishedAt": "2026-11-23T12:00:30Z",
            "width": 10,
            "completedIndexes": "0-2,4-6,8",
            "failedIndexes": "3,7,9",
        },
        "publish": {"phase": "Skipped", "reason": "UpstreamFailed"},
        "alert": {"phase": "Succeeded", "startedAt": "2026-11-23T12:00:30Z", "finishedAt": "2026-11-23T12:00:31Z"},
        "clean-up": {"phase": "Succeeded", "startedAt": "2026-11-23T12:00:30Z", "finishedAt": "2026-11-23T12:00:31Z"},
    },
}
SUCCEEDED: dict[str, Any] = {"phase": "Succeeded", "progress": "1/1", "startedAt": BEGUN, "finishedAt": BEGUN}


def workflow_resource(
    name: str = "flow", status: Any = None, *, steps: list[dict[str, Any]] | None = None, **spec: Any
) -> Resource:
    made: Resource = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskWorkflow",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "creationTimestamp": "2026-11-23T12:00:00Z",
        },
        "spec": {"workflow": "shop.flows.report", "queue": "mail", "steps": steps or REPORT} | spec,
    }
    # A test that changes it changes no other test's.
    return deepcopy(made if status is None else made | {"status": status})


def table_row(resource: Resource) -> Resource:
    """As the API server has it in a table."""
    spec, status = resource["spec"], resource.get("status") or {"phase": "Pending"}
    cells = {
        "Name": resource["metadata"]["name"],
        "Workflow": spec["workflow"],
        "Phase": status["phase"],
        "Progress": status.get("progress"),
        "Active": status.get("active"),
        "Queue": spec["queue"],
        "Retry-Of": (spec.get("retryOf") or {}).get("name"),
        "Reason": status.get("reason"),
        "Started": "4m" if "startedAt" in status else None,
        "Finished": "3m" if "finishedAt" in status else None,
    }
    return {"metadata": resource["metadata"], "cells": cells}


class FakeWorkflows(FakeTasks):
    """Those that there are."""

    def __init__(self, *resources: Resource) -> None:
        super().__init__(*resources)
        self.created: list[Resource] = []

    def create(self, resource: Resource) -> None:
        self.created.append(resource)
        self.resources[resource["metadata"]["name"]] = resource | {
            "metadata": resource["metadata"] | {"namespace": "shop"}
        }

    def table(self, selector: str) -> Iterator[Resource]:
        self.selectors.append(selector)
        return map(table_row, self.resources.values())


class RecordedWorkflows:
    """A session whose output is kept. `tasks`: those of the workflows."""

    def __init__(
        self, *workflows: Resource, tasks: FakeTasks | None = None, format_: OutputFormat = OutputFormat.TABLE
    ) -> None:
        self.workflows = FakeWorkflows(*workflows)
        self._said = Recorded(self.workflows, format_, client=self.workflows)
        self._said.session.retry = lambda name: retry_workflow(self.workflows, name)
        of_tasks = Recorded(tasks or FakeTasks(), format_)
        of_tasks.session.output = self._said.session.output
        self.session = WorkflowSession(workflows=self._said.session, tasks=of_tasks.session)

    @property
    def out(self) -> str:
        return self._said.out

    @property
    def err(self) -> str:
        return self._said.err
