"""A workflow as a row: of its object, and of the API server's table."""

from datetime import UTC, datetime

import pytest

from django_tasks_kubernetes.presentation.workflow_rows import row_of_table, workflow_columns, workflow_row
from tests.unit.backend.workflow_resources import FAILED, RUNNING, table_row, workflow_resource

NOW = datetime(2026, 11, 23, 12, 4, 1, tzinfo=UTC)


def test_both_ways_say_the_same() -> None:
    resource = workflow_resource(status=RUNNING)
    one, other = workflow_row(resource, NOW), row_of_table(table_row(resource))
    assert one == other
    assert workflow_columns(one, NOW, wide=False, namespaces=False) == {
        "ID": "flow",
        "WORKFLOW": "shop.flows.report",
        "PHASE": "Running",
        "PROGRESS": "5/14",
        "ACTIVE": "2",
        "AGE": "4m1s",
    }
    assert list(workflow_columns(one, NOW, wide=True, namespaces=True)) == [
        *("NAMESPACE", "ID", "WORKFLOW", "PHASE", "PROGRESS", "ACTIVE"),
        *("QUEUE", "REASON", "STARTED", "FINISHED", "RETRY-OF", "SCHEDULE", "AGE"),
    ]


def test_a_table_of_an_older_crd() -> None:
    made = row_of_table({"metadata": {"name": "bare"}, "cells": {"Name": "bare"}})
    assert (made.id, made.phase, made.is_finished, made.queue, made.done) == ("bare", "Pending", False, "default", None)


@pytest.mark.parametrize(
    ("status", "phase", "finished", "good"),
    [
        ({}, "Pending", False, False),
        (FAILED, "Failed", True, False),
        ({"phase": "Succeeded"}, "Succeeded", True, True),
        ({"phase": "Cancelled"}, "Cancelled", True, False),
        ({"phase": "Paused", "startedAt": "2026-11-23T12:00:00Z"}, "Paused", False, False),
    ],
)
def test_phases(status: dict[str, object], phase: str, finished: bool, good: bool) -> None:
    row = workflow_row(workflow_resource(status=status))
    assert (row.phase, row.is_finished, row.is_good) == (phase, finished, good)


def test_a_live_row_knows_how_much_is_done() -> None:
    row = workflow_row(workflow_resource(status=RUNNING))
    assert (row.done, row.total) == (5, 14)
    assert row.live == {
        "ID": "flow",
        "WORKFLOW": "shop.flows.report",
        "PHASE": "Running",
        "PROGRESS": "5/14",
        "REASON": "",
    }
