"""Schedules whose tasks are refused, or whose turn comes late."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.names import TASK_PLURAL, scheduled_task_name
from djangotasks_operator.runtime.errors import ApiError
from tests.unit.operator.controllers.scheduled_times import FIRST, MINUTE, condition, task_names, to
from tests.unit.operator.harness import InMemoryOperator

QUEUE_MISSING = "QueueNotFound"


def refuse(status: int, message: str, verb: str = "create") -> Any:
    def before(request: str) -> None:
        if request.startswith(f"{verb} djangotasks "):
            raise ApiError(status, {"reason": "Forbidden", "message": message})

    return before


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (403, "exceeded quota: tasks", "QuotaExceeded"),
        (403, "denied by a policy", "TaskRefused"),
        (422, "no", "TaskRefused"),
        (500, 'failed calling webhook "validate.kyverno.svc-fail": no endpoints available', "TaskRefused"),
    ],
)
def test_a_task_that_is_refused_is_tried_again(
    operator: InMemoryOperator, status: int, message: str, reason: str
) -> None:
    operator.put_schedule()
    operator.api.before_request = refuse(status, message)
    to(operator, 0)
    assert condition(operator) == ("False", reason)
    operator.api.before_request = lambda _: None
    operator.wait(2)
    assert task_names(operator) == [scheduled_task_name("nightly", FIRST)]
    assert condition(operator) == ("True", "Ready")


def test_of_the_times_at_which_it_was_refused_the_latest_is_created(operator: InMemoryOperator) -> None:
    operator.put_schedule(cron=["1-59/2 * * * *"])
    operator.api.before_request = refuse(403, "exceeded quota: tasks")
    to(operator, 250)
    operator.api.before_request = lambda _: None
    to(operator, 320)
    skipped = operator.schedule_status()["skipped"]
    assert (skipped["count"], skipped["reason"]) == (2, "Missed")
    assert task_names(operator) == [scheduled_task_name("nightly", FIRST + 4 * MINUTE)]


def test_one_whose_turn_comes_late_is_not_missed(operator: InMemoryOperator) -> None:
    """Thousands may be due at one minute, and each creation wait for a webhook."""
    for name in ("first", "nightly"):
        operator.put_schedule(name, catchUp="None", cron=[f"{FIRST:%M} * * * *"])
    to(operator, -1)
    operator.api.before_request = lambda request: (
        operator.clock.advance(90) if request.startswith("create djangotasks ") else None
    )
    operator.wait(1)
    assert operator.names(TASK_PLURAL) == [scheduled_task_name(name, FIRST) for name in ("first", "nightly")]


def test_an_edit_whose_turn_comes_late_is_about_the_times_after_it(operator: InMemoryOperator) -> None:
    """A deploy edits thousands of schedules, whose statuses take minutes to write: what is due meanwhile was lost."""
    operator.put_schedule("first", cron=["@yearly"])
    operator.put_schedule("nightly", cron=["@yearly"])
    to(operator, -30)
    operator.put_schedule("first", cron=["@monthly"])
    operator.put_schedule("nightly", cron=["* * * * *"])
    operator.api.before_request = lambda request: (
        operator.clock.advance(50) if request.startswith("patch djangotaskschedules first") else None
    )
    operator.drain()
    assert task_names(operator) == [scheduled_task_name("nightly", FIRST)]


def test_a_schedule_says_that_the_task_which_it_replaces_cannot_be_cancelled(operator: InMemoryOperator) -> None:
    """It would wait for its end without a word."""
    operator.put_schedule(concurrencyPolicy="Replace", task={"task": "a.b", "queue": "missing"})
    to(operator, 30)
    operator.api.before_request = refuse(500, 'failed calling webhook "a.b": no endpoints available', "patch")
    to(operator, 70)
    first, second = (scheduled_task_name("nightly", FIRST + n * MINUTE) for n in range(2))
    assert (condition(operator), task_names(operator)) == (("False", "TaskRefused"), [first])
    status = operator.schedule_status()
    assert status["conditions"][0]["message"].startswith(f"{first} cannot be cancelled: failed calling webhook")
    assert status["pending"]
    operator.api.before_request = lambda _: None
    operator.wait(20)
    assert task_names(operator) == [first, second]
    assert condition(operator) == ("False", QUEUE_MISSING)
