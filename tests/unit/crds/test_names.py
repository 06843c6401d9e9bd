"""Names that are made of others."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from djangotasks_api.names import job_name, scheduled_task_name, step_task_name


def test_the_job_of_an_attempt_has_its_number() -> None:
    assert job_name("receipt", 12) == "receipt-12"


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9))])
def test_the_task_of_a_scheduled_time_has_one_name_in_all_zones(zone: timezone) -> None:
    at = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)
    assert scheduled_task_name("nightly", at.astimezone(zone)) == "nightly-202611230405"


def test_a_scheduled_time_that_has_no_date_in_utc_has_a_name() -> None:
    """Anybody may give it to a task, and the operator asks for the name whenever it looks at that."""
    at = datetime.fromisoformat("9999-12-31T23:59:00-01:00")
    assert scheduled_task_name("nightly", at) == "nightly-999912312359"


def test_the_tasks_of_a_map_are_in_the_order_of_their_indexes() -> None:
    names = [step_task_name("order", "send", index) for index in (2, 10, 9_999)]
    assert names == sorted(names) == ["order-send-00002", "order-send-00010", "order-send-09999"]
    assert step_task_name("order", "pay", None) == "order-pay"
