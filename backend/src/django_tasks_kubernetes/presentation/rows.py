"""A task as a row of a table. Pure.

Resources are read leniently, as by the codec: a missing field, or a phase that only a newer operator knows, must not
hide the rest.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.tasks import TaskResultStatus

from django_tasks_kubernetes.codec.resource import Resource, status_of
from django_tasks_kubernetes.presentation.text import age, moment, safe, shortened
from djangotasks_api.phases import Phase

MESSAGE_MAX_CHARS: Final = 100
FINISHED: Final = (TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRow:
    """An object of the cluster in a table."""

    id: str
    namespace: str
    phase: str
    status: TaskResultStatus

    @property
    def key(self) -> tuple[str, str]:
        """Identifies the object in the cluster."""
        return self.namespace, self.id

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED

    @property
    def is_good(self) -> bool:
        """Whether it has succeeded."""
        return self.phase == Phase.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(ObjectRow):
    """A task in a table."""

    task: str
    queue: str
    progress: str
    done: float | None
    total: float | None
    attempts: int
    reason: str
    message: str
    """What it said last, with its progress."""
    explanation: str
    """The first line of why it waits or failed."""
    pod: str
    workflow: str
    """The workflow that it is a part of."""
    step: str
    """Of that workflow, as STEP[INDEX]."""
    enqueued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    exception: str = ""
    """The dotted path of the class that the last attempt raised."""
    schedule: str = ""
    """The schedule that made it."""
    retry_of: str = ""
    """The task that it repeats."""

    @property
    def name(self) -> str:
        """As kubectl writes it."""
        return f"djangotask.djangotasks.dev/{self.id}"

    @property
    def live(self) -> dict[str, str]:
        """The cells of a table that is redrawn while tasks change."""
        progress = " ".join(part for part in (self.progress, self.message) if part)
        return {"ID": self.id, "TASK": self.task, "PHASE": self.phase, "PROGRESS": progress, "REASON": self.reason}

    @property
    def words(self) -> tuple[str, ...]:
        """What is said of it when it changes."""
        return self.task, self.phase, self.progress, self.message, self.reason


def row(resource: Resource) -> Row:
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status") or {}
    attempts, progress = status.get("attempts") or [], status.get("progress") or {}
    part = spec.get("workflow") or {}
    return Row(
        id=safe(metadata["name"]),
        namespace=metadata.get("namespace", ""),
        task=safe(spec["task"]),
        queue=safe(spec.get("queue") or "default"),
        phase=safe(status.get("phase") or Phase.QUEUED),
        status=status_of(status),
        # All of it is done, whatever it said last.
        progress="" if status.get("phase") == Phase.SUCCEEDED else safe(progress.get("text") or ""),
        done=progress.get("done"),
        total=progress.get("total"),
        attempts=attempts[-1].get("number", len(attempts)) if attempts else 0,
        reason=safe(status.get("reason") or ""),
        message="" if status.get("phase") == Phase.SUCCEEDED else safe(progress.get("message") or ""),
        explanation=safe((status.get("message") or "").strip().partition("\n")[0]),
        pod=safe(attempts[-1].get("pod") or "") if attempts else "",
        workflow=safe(part.get("name") or ""),
        step=step_text(safe(part.get("step") or ""), part.get("index")),
        enqueued_at=moment(spec.get("enqueuedAt") or metadata.get("creationTimestamp")),
        started_at=moment(status.get("startedAt")),
        finished_at=moment(status.get("finishedAt")),
        exception=safe((attempts[-1].get("error") or {}).get("type") or "") if attempts else "",
        schedule=safe(spec.get("schedule") or ""),
        retry_of=safe(spec.get("retryOf") or ""),
    )


def columns(row: Row, now: datetime, *, wide: bool, namespaces: bool) -> dict[str, str]:
    """The cells of a table by their headings."""
    cells = {"NAMESPACE": row.namespace} if namespaces else {}
    cells |= {
        "ID": row.id,
        "TASK": row.task,
        "QUEUE": row.queue,
        "PHASE": row.phase,
        "PROGRESS": row.progress,
        "ATTEMPTS": str(row.attempts or ""),
        "REASON": row.reason,
    }
    if wide:
        cells |= {"POD": row.pod, "STARTED": age(row.started_at, now), "FINISHED": age(row.finished_at, now)}
        cells |= {"WORKFLOW": row.workflow, "STEP": row.step}
    cells |= {"AGE": age(row.enqueued_at, now)}
    return cells | ({"MESSAGE": shortened(row.explanation, MESSAGE_MAX_CHARS)} if wide else {})


def step_text(step: str, index: int | None) -> str:
    """A step's task as people name it: render, or of a map render[17]."""
    return step if index is None else f"{step}[{index}]"
