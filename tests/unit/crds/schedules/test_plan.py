"""What a schedule's spec says: when it is due with a jitter, and what makes it another schedule."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from djangotasks_api.schedules.cron import InvalidSchedule
from djangotasks_api.schedules.plan import Plan, digest
from tests.unit.crds.schedules.world import HOUR, MINUTE, NOON

HOURLY: dict[str, Any] = {"cron": ["0 * * * *"], "task": {"task": "a.b"}}


def plan(uid: str = "uid-1", **spec: Any) -> Plan:
    return Plan.of("nightly", uid, NOON, HOURLY | spec)


def test_a_jitter_is_drawn_from_the_schedule_and_the_time() -> None:
    times = [NOON + n * HOUR for n in range(50)]
    due = [plan(jitterSeconds=600).due_at(at) for at in times]
    delays = {at - time for time, at in zip(times, due, strict=True)}
    assert len(delays) == 50
    assert min(delays) < 2 * MINUTE < 8 * MINUTE < max(delays) < 10 * MINUTE
    assert due == [plan(jitterSeconds=600).due_at(at) for at in times]
    assert due != [plan("uid-2", jitterSeconds=600).due_at(at) for at in times]


def test_a_jitter_never_reaches_the_next_time() -> None:
    """So the times are created in their order."""
    often = plan(cron=["* * * * *"], jitterSeconds=3600)
    due = [often.due_at(NOON + n * MINUTE) for n in range(50)]
    assert all(a < b for a, b in pairwise(due))


def test_the_last_time_has_its_jitter_too() -> None:
    assert plan(endAt="2026-11-25T12:30:00Z", jitterSeconds=3600).due_at(NOON) > NOON


@pytest.mark.parametrize(
    "other",
    [
        {"cron": ["1 * * * *"]},
        {"timeZone": "Europe/Berlin"},
        {"startAt": "2026-11-25T12:00:00Z"},
        {"endAt": "2026-11-25T12:00:00Z"},
        {"suspended": True},
    ],
)
def test_other_times_are_another_schedule(other: dict[str, Any]) -> None:
    assert digest(HOURLY | other) != digest(HOURLY)


@pytest.mark.parametrize(
    "other",
    [{"task": {"task": "c.d"}}, {"timeZone": "UTC"}, {"suspended": False}, {"jitterSeconds": 5}, {"startAt": None}],
)
def test_another_task_or_a_default_that_is_written_out_is_not(other: dict[str, Any]) -> None:
    assert digest(HOURLY | other) == digest(HOURLY)


def test_a_time_is_shown_in_the_zone_of_the_schedule() -> None:
    assert plan(timeZone="Asia/Kolkata").shown(NOON) == "2026-11-25T17:30+05:30"


@pytest.mark.parametrize(("spec", "field"), [({"cron": ["0 25 * * *"]}, "cron"), ({"timeZone": "Mars"}, "timeZone")])
def test_what_is_wrong_names_its_field(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSchedule) as raised:
        plan(**spec)
    assert raised.value.field == field
