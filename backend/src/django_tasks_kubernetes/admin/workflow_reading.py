"""The workflows of a page: the newest of them as rows of a table, without their graphs, which may be large."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.presentation.filters import EVER, WorkflowFilter
from django_tasks_kubernetes.presentation.newest import NOT_IN_ORDER
from django_tasks_kubernetes.presentation.text import before
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow, row_of_table, workflow_row

ROWS_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowReading:
    """What was read."""

    rows: list[WorkflowRow]
    """The newest first."""

    is_complete: bool


def read_workflows(place: Place, which: WorkflowFilter, labels: str = "") -> WorkflowReading:
    """One request, and another where there are more than fit: names that do not tell the time come last, and the
    newest may be among them."""
    now = datetime.now(UTC)
    if place.client is None:
        found = [workflow_row(one, now) for one in place.store.workflows.find(which.selector)]
        return WorkflowReading(rows=_newest(found), is_complete=True)
    client = place.client.workflows()
    answer = client.table_page(fields=which.selector, labels=labels, limit=ROWS_MAX)
    rows = list(_rows(answer, now))
    if not answer["metadata"].get("continue"):
        return WorkflowReading(rows=_newest(rows), is_complete=True)
    labels = ",".join(filter(None, (labels, NOT_IN_ORDER)))
    others = client.table_page(fields=which.selector, labels=labels, limit=ROWS_MAX)
    known = {row.id for row in rows}
    rows += [row for row in _rows(others, now) if row.id not in known]
    return WorkflowReading(rows=_newest(rows)[:ROWS_MAX], is_complete=False)


def _rows(answer: Mapping[str, Any], now: datetime) -> Iterator[WorkflowRow]:
    names = [column["name"] for column in answer.get("columnDefinitions") or ()]
    for one in answer.get("rows") or ():
        cells = dict(zip(names, one["cells"], strict=False))
        row = row_of_table({"metadata": {"name": str(cells.get("Name") or "")}, "cells": cells})
        yield replace(row, created_at=before(now, cells.get("Age")))


def _newest(rows: list[WorkflowRow]) -> list[WorkflowRow]:
    """Of those of one age, which a table rounds, names that tell the time have the newest first."""
    return sorted(sorted(rows, key=lambda row: row.id), key=lambda row: row.created_at or EVER, reverse=True)
