"""Schedules in tables, and as objects for programs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from django_tasks_kubernetes.presentation.schedule_rows import agenda, columns, record
from tests.unit.backend.schedule_resources import schedule_resource

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
STATUS = {
    "active": 2,
    "lastScheduledFor": "2026-11-29T11:00:00Z",
    "lastTask": "nightly-202611291100",
    "nextScheduledFor": "2026-11-30T02:00+01:00",
    "skipped": {"count": 3, "lastFor": "2026-11-28T11:00:00Z", "reason": "PreviousUnfinished"},
    "conditions": [{"type": "Ready", "status": "False", "reason": "QuotaExceeded", "message": "no"}],
}


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, None, {"NAME": "nightly", "SCHEDULE": "0 2 * * *", "ZONE": "Europe/Berlin", "SUSPENDED": "false"}),
        ({}, None, {"ACTIVE": "0", "LAST": "", "NEXT": "", "REASON": "", "TASK": "shop.tasks.nightly", "READY": ""}),
        ({"cron": ["@daily", "0 3 * * *"], "timeZone": None}, None, {"SCHEDULE": "@daily, 0 3 * * *", "ZONE": "UTC"}),
        ({"cron": None, "everyMinutes": 90}, None, {"SCHEDULE": "every 90 min", "ZONE": ""}),
        ({"suspended": True, "concurrencyPolicy": "Queue"}, None, {"SUSPENDED": "true", "POLICY": "Queue"}),
        ({}, STATUS, {"ACTIVE": "2", "LAST": "60m", "NEXT": "2026-11-30T02:00+01:00", "REASON": "QuotaExceeded"}),
        ({}, STATUS, {"SKIPPED": "3", "LAST-TASK": "nightly-202611291100", "READY": "False"}),
        ({}, {"conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}]}, {"REASON": "", "READY": "True"}),
        ({"timeZone": "\x1b[2J"}, None, {"ZONE": "\\x1b[2J"}),
    ],
)
def test_columns(spec: Any, status: Any, expected: dict[str, str]) -> None:
    cells = columns(schedule_resource(status=status, **spec), NOW, wide=True, namespaces=False)
    assert {name: cells[name] for name in expected} == expected


def test_columns_of_a_narrow_table() -> None:
    cells = columns(schedule_resource(), NOW, wide=False, namespaces=True)
    assert list(cells) == ["NAMESPACE", "NAME", "SCHEDULE", "ZONE", "SUSPENDED", "ACTIVE", "LAST", "NEXT", "REASON"]


def test_agenda_has_a_row_for_each_time() -> None:
    times = [datetime(2026, 11, 29, 12, 1, tzinfo=UTC), datetime(2026, 11, 30, 12, tzinfo=UTC)]
    assert agenda(schedule_resource(), times, NOW) == [
        {"NAME": "nightly", "AT": "2026-11-29T12:01+00:00", "ZONE": "Europe/Berlin", "IN": "60s"},
        {"NAME": "nightly", "AT": "2026-11-30T12:00+00:00", "ZONE": "Europe/Berlin", "IN": "24h"},
    ]


def test_record_of_a_schedule() -> None:
    found = record(schedule_resource(status=STATUS), [NOW])
    assert found["declared_by"] == "shop"
    assert (found["next"], found["next_scheduled_for"]) == (["2026-11-29T12:00:00+00:00"], "2026-11-30T02:00+01:00")
    assert (found["skipped"], found["skipped_reason"], found["reason"]) == (3, "PreviousUnfinished", "QuotaExceeded")


def test_record_of_a_schedule_that_nobody_has_seen() -> None:
    found = record(schedule_resource(project=None), [])
    assert {name for name, value in found.items() if value is None} == {
        "declared_by", "every_minutes", "last_scheduled_for", "last_task", "next_scheduled_for", "skipped_reason",
        "ready", "reason", "message",
    }  # fmt: skip
