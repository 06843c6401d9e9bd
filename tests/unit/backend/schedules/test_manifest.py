"""The DjangoTaskSchedule of a declaration: the fields that the code says, and no others."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings

from django_tasks_kubernetes import Retry
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import PayloadTooLarge
from django_tasks_kubernetes.schedules.definition import Schedule
from django_tasks_kubernetes.schedules.manifest import resource_of
from djangotasks_api.models.schedule import DjangoTaskSchedule
from tests.unit.backend import tasks

ECHO: Any = tasks.echo
DEFAULTS = Options()
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - as without USE_TZ
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=1)))


def spec_of(options: Options = DEFAULTS, **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"task": ECHO, "name": "nightly", "cron": ("0 2 * * *",)} | fields
    resource = resource_of(Schedule(**given), "shop", options)
    # The operator's model, from which the CRD is made, reads it.
    DjangoTaskSchedule.model_validate(resource)
    spec: dict[str, Any] = resource["spec"]
    return spec


def test_resource_of_a_plain_schedule() -> None:
    schedule = Schedule(task=ECHO, cron=("0 2 * * *",), name="nightly")
    assert resource_of(schedule, "shop", Options()) == {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskSchedule",
        "metadata": {"name": "nightly", "labels": {"djangotasks.dev/declared-by": "shop"}},
        "spec": {
            "cron": ["0 2 * * *"],
            "timeZone": "Europe/Berlin",  # settings.TIME_ZONE
            "task": {
                "task": "tests.unit.backend.tasks.echo",
                "queue": "default",
                "backend": "default",
                "priority": 0,
                "payload": '{"args":[],"kwargs":{}}',
            },
        },
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"cron": (), "every_minutes": 15}, {"everyMinutes": 15}),
        ({"cron": ("@daily", "0 2 * * *")}, {"cron": ["@daily", "0 2 * * *"], "timeZone": "Europe/Berlin"}),
        ({"timezone": "Asia/Tokyo"}, {"timeZone": "Asia/Tokyo"}),
        ({"timezone": ZoneInfo("Asia/Tokyo")}, {"timeZone": "Asia/Tokyo"}),
        ({"start_at": START}, {"startAt": "2026-01-01T00:00:00.000000Z"}),
        ({"end_at": END}, {"endAt": "2026-12-31T23:00:00.000000Z"}),
        ({"jitter": timedelta(minutes=2)}, {"jitterSeconds": 120}),
        ({"concurrency_policy": "Queue"}, {"concurrencyPolicy": "Queue"}),
        ({"catch_up": "None"}, {"catchUp": "None"}),
        ({"catch_up_limit": 3}, {"catchUpLimit": 3}),
        ({"starting_deadline": 90}, {"startingDeadlineSeconds": 90}),
        ({"task": ECHO.using(expires=timedelta(hours=1))}, {"startingDeadlineSeconds": 3600}),
        ({"task": ECHO.using(expires=3600), "starting_deadline": 60}, {"startingDeadlineSeconds": 60}),
    ],
)
def test_fields_of_the_spec(fields: Any, expected: Any) -> None:
    spec = spec_of(**fields)
    assert {name: spec[name] for name in expected} == expected
    assert spec.keys() - {"cron", "timeZone", "task"} == expected.keys() - {"cron", "timeZone"}


def test_task_has_its_options() -> None:
    task = ECHO.using(
        queue_name="mail", priority=7, retry=Retry(max_attempts=3), timeout=60, resources={"memory": "1Gi"}
    )
    made = spec_of(task=task, args=(1, "é"), kwargs={"a": [2]})["task"]
    assert (made["queue"], made["priority"]) == ("mail", 7)
    assert made["payload"] == '{"args":[1,"\\u00e9"],"kwargs":{"a":[2]}}'
    assert (made["policy"]["maxAttempts"], made["policy"]["timeoutSeconds"]) == (3, 60)
    assert made["overrides"] == {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}}


def test_payload_is_compressed_where_the_backend_says_so() -> None:
    made = spec_of(Options(compress_payload_from=100), args=("x" * 200_000,))["task"]
    assert made["payloadEncoding"] == "zlib+base64"


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"args": ({1},)}, TypeError, r"args\[0\]: set is not JSON"),
        ({"args": ("x" * 100_000,)}, PayloadTooLarge, "a schedule keeps none in a storage"),
        ({"task": ECHO.using(idempotency_key="a")}, ValueError, "must have no idempotency_key"),
        ({"task": ECHO.using(run_after=START)}, ValueError, "must have no run_after"),
        ({"task": ECHO.using(expires=START)}, ValueError, "must not expire at one time"),
        ({"cron": (), "every_minutes": 0}, ValueError, "every must be a whole number from 1 to"),
        ({"timezone": 7}, TypeError, "timezone must be the IANA name of a zone"),
        ({"timezone": UTC}, TypeError, "timezone must be the IANA name of a zone"),
        ({"start_at": NAIVE}, ValueError, "must be aware datetimes"),
        ({"start_at": datetime.min.replace(tzinfo=UTC)}, ValueError, "start_at must be a time from the year 1000"),
        ({"start_at": datetime(1, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))}, ValueError, "start_at must be a time from"),
        (
            {"end_at": datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))},
            ValueError,
            "end_at must be a time from the year",
        ),
        ({"start_at": END, "end_at": START}, ValueError, "start_at must be before end_at"),
        ({"jitter": -1}, ValueError, "jitter must be from 0 s to 3600 s"),
        (
            {"concurrency_policy": "forbid"},
            ValueError,
            "concurrency_policy must be one of Allow, Forbid, Replace, Queue",
        ),
        ({"catch_up": "Some"}, ValueError, "catch_up must be one of None, Latest, All"),
        ({"catch_up_limit": True}, ValueError, "catch_up_limit must be a whole number"),
        ({"starting_deadline": 5}, ValueError, "starting_deadline must be from 10 s"),
    ],
)
def test_wrong_values(fields: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        spec_of(**fields)


def test_naive_times_are_local_without_use_tz() -> None:
    with override_settings(USE_TZ=False):
        assert spec_of(start_at=NAIVE)["startAt"] == "2025-12-31T23:00:00.000000Z"
