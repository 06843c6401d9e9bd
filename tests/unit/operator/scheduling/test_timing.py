"""When a task may start."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from djangotasks_api.models import TaskStatus
from djangotasks_operator.scheduling.timing import believed, due_at, ready_at
from tests.support.builders import NOW, at, make_task

CREATED = at(-60)


@pytest.mark.parametrize(
    ("fields", "due", "ready"),
    [
        ({}, CREATED, CREATED),
        ({"enqueued_at": at(-59.5)}, at(-59.5), at(-59.5)),
        ({"enqueued_at": at(-3600)}, CREATED, CREATED),
        ({"enqueued_at": at(3600)}, at(-59), at(-59)),
        ({"run_after": at(30)}, at(30), at(30)),
        ({"run_after": at(-90)}, CREATED, CREATED),
        ({"status": TaskStatus(next_attempt_at=at(10))}, CREATED, at(10)),
    ],
    ids=["no time", "a fraction", "a clock behind", "a clock ahead", "for later", "for earlier", "after a backoff"],
)
def test_a_task_is_due_and_its_next_attempt_ready(fields: dict[str, Any], due: datetime, ready: datetime) -> None:
    task = make_task(**fields)
    assert (due_at(task), ready_at(task)) == (due, ready)


@pytest.mark.parametrize(
    ("claimed", "earliest", "expected"),
    [(-5, -10, -5), (-20, -10, 0), (5, -10, 0), (-20, None, -20), (0, -10, 0), (-10, -10, -10)],
)
def test_only_a_possible_time_is_believed(claimed: float, earliest: float | None, expected: float) -> None:
    assert believed(at(claimed), None if earliest is None else at(earliest), NOW) == at(expected)
