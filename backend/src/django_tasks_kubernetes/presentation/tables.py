"""A Table of the API server, which has the columns of `kubectl get` and nothing that is as large as a payload. Pure.

https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django_tasks_kubernetes.codec.resource import status_of
from django_tasks_kubernetes.presentation.rows import Row, step_text
from django_tasks_kubernetes.presentation.text import before, moment, safe
from djangotasks_api.phases import Phase

# Without these, of an older CustomResourceDefinition, a table says too little.
NEEDED: Final = frozenset({"Name", "Task", "Queue", "Phase", "Progress", "Attempts", "Reason", "Pod", "Enqueued-At"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list of tasks, in the order of their names."""

    rows: list[Row]
    token: str | None = None
    """Continues the list; None at its end."""

    remaining: int | None = None
    """How many come after these. None where the server does not say: there is a selector."""


def page_of(answer: Mapping[str, Any], namespace: str, now: datetime) -> Page | None:
    """Reads an answer that came now; None where it is no Table, or lacks a column. `namespace`: of rows that do not
    say theirs."""
    if answer.get("kind") != "Table":
        return None
    columns = [column["name"] for column in answer["columnDefinitions"]]
    if not NEEDED.issubset(columns):
        return None
    metadata, rows = answer.get("metadata") or {}, []
    for one in answer["rows"] or ():
        cells = dict(zip(columns, one["cells"], strict=False))
        owner = ((one.get("object") or {}).get("metadata") or {}).get("namespace") or namespace
        rows.append(_row(cells, owner, now))
    token = metadata.get("continue") or None
    return Page(rows=rows, token=token, remaining=metadata.get("remainingItemCount", None if token else 0))


def _row(cells: Mapping[str, Any], namespace: str, now: datetime) -> Row:
    def text(column: str) -> str:
        return safe(str(cells.get(column) or ""))

    phase = text("Phase") or Phase.QUEUED
    started_at, finished_at = moment(cells.get("Started-At")), moment(cells.get("Finished-At"))
    return Row(
        id=text("Name"),
        namespace=namespace,
        task=text("Task"),
        queue=text("Queue") or "default",
        phase=phase,
        status=status_of({"phase": phase, "startedAt": started_at, "conditions": _end(finished_at, text("Reason"))}),
        progress="" if phase == Phase.SUCCEEDED else text("Progress"),
        done=None,
        total=None,
        attempts=int(cells.get("Attempts") or 0),
        reason=text("Reason"),
        message="",
        explanation="",
        pod=text("Pod"),
        workflow=text("Workflow"),
        step=step_text(text("Step"), cells.get("Index")),
        # One that was made by hand does not say it, and was enqueued when it was created.
        enqueued_at=moment(cells.get("Enqueued-At")) or before(now, cells.get("Age")),
        started_at=started_at,
        finished_at=finished_at,
        exception=text("Exception"),
        schedule=text("Schedule"),
        retry_of=text("Retry-Of"),
    )


def _end(finished_at: object, reason: str) -> list[dict[str, str]]:
    """What stands for the condition of a task in a phase that only a newer operator knows."""
    return [{"type": "Failed" if reason else "Complete", "status": "True"}] if finished_at else []
