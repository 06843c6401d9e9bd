"""Options of a task that do not fit together."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.tasks.exceptions import InvalidTask
from django.test import override_settings

from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks
from tests.unit.backend.runner.test_progress import SAYS


def test_heartbeat_timeout_needs_a_context() -> None:
    with pytest.raises(InvalidTask, match=r"heartbeat_timeout needs takes_context=True.*there is timeout"):
        tasks.echo.using(heartbeat_timeout=60)  # type: ignore[call-arg]
    with pytest.raises(InvalidTask, match="heartbeat_timeout must be from 2 s to 86400 s"):
        SAYS.using(heartbeat_timeout=1)
    with in_memory() as cluster:
        SAYS.using(heartbeat_timeout=59.5).enqueue()
        (resource,) = cluster.resources.values()
    assert resource["spec"]["policy"] == {"heartbeatTimeoutSeconds": 60}


def run_after_of(moment: datetime) -> str:
    """When a task that is enqueued with that time may run."""
    with in_memory() as cluster:
        tasks.echo.using(run_after=moment).enqueue(1)
        (resource,) = cluster.resources.values()
    found: str = resource["spec"]["runAfter"]
    return found.partition("T")[2][:5]


@override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin")
@pytest.mark.parametrize(
    ("text", "utc", "noted"),
    [
        ("2026-10-25T02:30", "00:30", "2026-10-25 02:30:00 is there twice, and the first is taken"),
        ("2026-10-25T02:30 the second", "01:30", None),
        ("2026-10-25T01:59", "23:59", None),
        ("2026-10-25T03:00", "02:00", None),
        ("2026-03-29T02:30", "01:30", "02:30:00 does not exist, and 2026-03-29 01:30:00+00:00 is taken"),
        ("2026-10-25T00:30Z", "00:30", None),
        ("2026-10-25T02:30+01:00", "01:30", None),
    ],
)
def test_a_local_time_that_the_clock_shows_twice_or_never_is_defined(
    text: str, utc: str, noted: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    moment = datetime.fromisoformat(text.partition(" ")[0])
    assert run_after_of(moment.replace(fold=1) if " " in text else moment) == utc
    assert [noted in record.getMessage() for record in caplog.records] == [True] if noted else not caplog.records


@pytest.mark.parametrize("name", ["run_after", "expires"])
@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "from the year 1000 to 9999"),
        (datetime(999, 1, 1, tzinfo=UTC), "from the year 1000 to 9999"),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=5))), "from the year 1000 to 9999"),
    ],
)
def test_a_time_that_the_api_server_does_not_store_is_refused_at_once(name: str, moment: Any, words: str) -> None:
    with pytest.raises(InvalidTask, match=f"{name} must be a time {words}"):
        tasks.echo.using(**{name: moment})
