"""The workflows of a page: the newest of them as rows of a table, without their graphs, which may be large."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from django_tasks_kubernetes.admin.memory import has_labels
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import pages, rows_of
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

    is_newest: bool = True
    """Whether none is missing between them: those whose names do not tell the time may be too many."""


@dataclass(frozen=True, slots=True)
class WorkflowRows:
    """A page of a list, in the order of names."""

    rows: list[WorkflowRow]
    token: str | None


def read_workflows(place: Place, which: WorkflowFilter) -> WorkflowReading:
    """One request; where there are more than fit, one more for each 500 whose names do not tell the time: these come
    last, and the newest may be among them."""
    first = workflow_page(place, fields=which.selector)
    if first.token is None:
        return WorkflowReading(rows=_newest(first.rows), is_complete=True)
    others, is_newest = rows_of(
        pages(lambda token: workflow_page(place, fields=which.selector, labels=NOT_IN_ORDER, token=token))
    )
    rows = {row.id: row for row in (*first.rows, *others)}
    return WorkflowReading(rows=_newest(rows.values())[:ROWS_MAX], is_complete=False, is_newest=is_newest)


def workflow_page(place: Place, *, fields: str = "", labels: str = "", token: str | None = None) -> WorkflowRows:
    """One request. All at once where they are in memory. Raises TaskException."""
    now = datetime.now(UTC)
    if place.client is None:
        found = (one for one in place.store.workflows.find(fields) if has_labels(one, labels))
        return WorkflowRows([workflow_row(one, now) for one in found], None)
    answer = place.client.workflows().table_page(fields=fields, labels=labels, limit=ROWS_MAX, token=token)
    return WorkflowRows(list(_rows(answer, now)), answer["metadata"].get("continue") or None)


def _rows(answer: Mapping[str, Any], now: datetime) -> Iterator[WorkflowRow]:
    names = [column["name"] for column in answer.get("columnDefinitions") or ()]
    for one in answer.get("rows") or ():
        cells = dict(zip(names, one["cells"], strict=False))
        row = row_of_table({"metadata": {"name": str(cells.get("Name") or "")}, "cells": cells})
        yield replace(row, created_at=before(now, cells.get("Age")))


def _newest(rows: Iterable[WorkflowRow]) -> list[WorkflowRow]:
    """Of those of one age, which a table rounds, names that tell the time have the newest first."""
    return sorted(sorted(rows, key=lambda row: row.id), key=lambda row: row.created_at or EVER, reverse=True)
