"""A workflow as a row of a table, and as an object for programs. Pure.

Read leniently, as tasks are: a missing field, or a phase that only a newer operator knows, must not hide the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.tasks import TaskResultStatus

from django_tasks_kubernetes.codec.resource import Resource, status_of
from django_tasks_kubernetes.presentation.rows import ObjectRow
from django_tasks_kubernetes.presentation.text import age, moment, safe
from djangotasks_api.workflow.records import WorkflowPhase

WORKFLOW_STATUSES: Final[dict[WorkflowPhase, TaskResultStatus]] = {
    WorkflowPhase.PENDING: TaskResultStatus.READY,
    WorkflowPhase.RUNNING: TaskResultStatus.RUNNING,
    WorkflowPhase.SUCCEEDED: TaskResultStatus.SUCCESSFUL,
    WorkflowPhase.FAILED: TaskResultStatus.FAILED,
    WorkflowPhase.CANCELLED: TaskResultStatus.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRow(ObjectRow):
    """A workflow in a table."""

    workflow: str
    queue: str
    progress: str
    """412/1003: how many of its tasks are over, of those that are known."""
    active: str
    reason: str
    retry_of: str
    schedule: str
    created_at: datetime | None
    started: str
    """Its age, as kubectl writes it."""
    finished: str

    @property
    def name(self) -> str:
        """As kubectl writes it."""
        return f"djangotaskworkflow.djangotasks.dev/{self.id}"

    @property
    def done(self) -> int | None:
        return _number(self.progress.partition("/")[0])

    @property
    def total(self) -> int | None:
        return _number(self.progress.partition("/")[2])

    @property
    def live(self) -> dict[str, str]:
        """The cells of a table that is redrawn while workflows change."""
        cells = ("ID", self.id), ("WORKFLOW", self.workflow), ("PHASE", self.phase), ("PROGRESS", self.progress)
        return {**dict(cells), "REASON": self.reason}

    @property
    def words(self) -> tuple[str, ...]:
        """What is said of it when it changes."""
        return self.workflow, self.phase, self.progress, self.reason


def workflow_row(resource: Resource, now: datetime | None = None) -> WorkflowRow:
    """`now`: for its ages, which are empty without."""
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status") or {}
    return WorkflowRow(
        id=safe(metadata["name"]),
        namespace=metadata.get("namespace", ""),
        workflow=safe(spec.get("workflow") or ""),
        queue=safe(spec.get("queue") or "default"),
        phase=safe(status.get("phase") or WorkflowPhase.PENDING),
        status=workflow_status(status),
        progress=safe(status.get("progress") or ""),
        active=str(status.get("active") or ""),
        reason=safe(status.get("reason") or ""),
        retry_of=safe((spec.get("retryOf") or {}).get("name") or ""),
        schedule=safe(spec.get("schedule") or ""),
        created_at=moment(spec.get("enqueuedAt") or metadata.get("creationTimestamp")),
        started=age(moment(status.get("startedAt")), now),
        finished=age(moment(status.get("finishedAt")), now),
    )


def queues_of(spec: Mapping[str, Any]) -> set[str]:
    """Those of the tasks of a workflow: its own, and those that its steps name."""
    own: str = spec.get("queue") or "default"
    return {own, *(step.get("queue") or own for step in spec.get("steps") or ())}


def row_of_table(row: Mapping[str, Any]) -> WorkflowRow:
    """Of a row of the API server's table: metadata, and the CRD's columns by their names. What it does not have is
    empty."""
    metadata, cells = row["metadata"], row["cells"]

    def cell(name: str) -> str:
        return "" if (value := cells.get(name)) is None else safe(str(value))

    phase = cell("Phase") or WorkflowPhase.PENDING
    return WorkflowRow(
        id=safe(metadata["name"]),
        namespace=metadata.get("namespace", ""),
        workflow=cell("Workflow"),
        queue=cell("Queue") or "default",
        phase=phase,
        # Of a phase that only a newer operator knows, by its times.
        status=workflow_status({"phase": phase, "startedAt": cell("Started")}),
        progress=cell("Progress"),
        active="" if cell("Active") == "0" else cell("Active"),
        reason=cell("Reason"),
        retry_of=cell("Retry-Of"),
        schedule=cell("Schedule"),
        created_at=moment(metadata.get("creationTimestamp")),
        started=cell("Started"),
        finished=cell("Finished"),
    )


def workflow_status(status: Mapping[str, Any]) -> TaskResultStatus:
    """Django's status for the status of a workflow."""
    phase = status.get("phase") or WorkflowPhase.PENDING
    return WORKFLOW_STATUSES[WorkflowPhase(phase)] if phase in set(WorkflowPhase) else status_of(status)


def workflow_columns(row: WorkflowRow, now: datetime, *, wide: bool, namespaces: bool) -> dict[str, str]:
    """The cells of a table by their headings: those of `kubectl get djangotaskworkflows`."""
    cells = {"NAMESPACE": row.namespace} if namespaces else {}
    cells |= {
        "ID": row.id,
        "WORKFLOW": row.workflow,
        "PHASE": row.phase,
        "PROGRESS": row.progress,
        "ACTIVE": row.active,
    }
    if wide:
        cells |= {
            "QUEUE": row.queue,
            "REASON": row.reason,
            "STARTED": row.started,
            "FINISHED": row.finished,
            "RETRY-OF": row.retry_of,
            "SCHEDULE": row.schedule,
        }
    return cells | {"AGE": age(row.created_at, now)}


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
