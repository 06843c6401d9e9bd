"""What the loop writes."""

import json
from datetime import UTC, datetime

from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.schedule_loop import loop
from django_tasks_kubernetes.cli.schedule_session import Enqueued
from tests.unit.backend.schedule_resources import project, schedule_resource, session

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
ENQUEUED = [
    Enqueued(schedule="a", scheduled_for=AT, id="one"),
    Enqueued(schedule="b", scheduled_for=AT, id=None, problem="OSError: no"),
]


def test_loop_writes_a_line_for_each_task() -> None:
    given = session()
    assert loop(given, project(*map(schedule_resource, "ab"), enqueued=ENQUEUED)) == 0
    assert given.out.splitlines() == [
        "2026-11-29T12:00+00:00 a: enqueued as one",
        "2026-11-29T12:00+00:00 b: not enqueued: OSError: no",
    ]
    assert given.err.splitlines() == ["Schedules: a, b. Ctrl-C ends it.", "None of them is due any more."]


def test_loop_for_programs() -> None:
    given = session(format_=OutputFormat.JSON)
    loop(given, project(schedule_resource("a"), enqueued=ENQUEUED[:1]))
    expected = {"schedule": "a", "scheduled_for": AT.isoformat(), "id": "one", "problem": ""}
    assert json.loads(given.out) == expected


def test_loop_without_schedules() -> None:
    given = session()
    assert (loop(given, project()), given.err) == (0, "The project declares no schedules.\n")
