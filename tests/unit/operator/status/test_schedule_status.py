"""A schedule's status: what is dealt with, what comes next, and what is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from djangotasks_api.models import ScheduleStatus
from djangotasks_api.schedules.plan import Plan
from djangotasks_api.schedules.record import Record, Skip, SkipReason
from djangotasks_operator.status.queue_status import NotReady
from djangotasks_operator.status.schedule_status import is_urgent, schedule_status
from tests.support.builders import NOW

MINUTE = timedelta(minutes=1)
PLAN = Plan.of("nightly", "uid", NOW, {"cron": ["* * * * *"], "timeZone": "Asia/Kolkata"})
RECORD = Record(timing=PLAN.digest, since=NOW)


def made(old: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "generation": 1,
        "plan": PLAN,
        "record": RECORD,
        "next_time": NOW + MINUTE,
        "active": 0,
        "problem": None,
        "now": NOW,
    }
    return schedule_status(old or {}, **values | changes)


def test_it_is_one_that_the_api_server_takes() -> None:
    record = RECORD.created(NOW).with_skips([Skip(NOW + MINUTE, SkipReason.MISSED)])
    status = made(record=record, active=1)
    model = ScheduleStatus.model_validate(status)
    assert (model.last_scheduled_for, model.active) == (NOW, 1)
    assert model.skipped is not None
    assert (model.skipped.count, model.skipped.reason) == (1, "Missed")
    assert Record.of(status) == record
    assert status["nextScheduledFor"].endswith("+05:30")


def test_what_is_not_there_is_left_out() -> None:
    assert {"pending", "skipped", "lastTask", "lastScheduledFor"}.isdisjoint(made())


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    first = made()
    later = made(first, now=NOW + MINUTE)
    assert later["conditions"] == first["conditions"]
    broken = made(first, now=NOW + MINUTE, problem=NotReady("QueueNotFound", "no queue"))
    assert broken["conditions"][0]["lastTransitionTime"] != first["conditions"][0]["lastTransitionTime"]
    assert broken["conditions"][0]["status"] == "False"


def test_what_people_wait_for_is_urgent_and_the_rest_is_not() -> None:
    first = made()
    assert is_urgent({}, first)
    assert not is_urgent(first, made(first, record=RECORD.created(NOW), active=1))
    assert is_urgent(first, made(first, problem=NotReady("QueueNotFound", "no queue")))
    assert is_urgent(first, made(first, generation=2))


def test_a_schedule_that_cannot_be_read_keeps_what_it_had() -> None:
    old = made(record=RECORD.created(NOW))
    broken = made(old, plan=None, record=Record.of(old), next_time=None, problem=NotReady("InvalidSchedule", "no"))
    assert broken["lastTask"] == old["lastTask"]
    assert "nextScheduledFor" not in broken
