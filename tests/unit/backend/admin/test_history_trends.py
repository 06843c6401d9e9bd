"""What ended according to the history, on the overview."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_tasks_kubernetes.admin import history_trends
from django_tasks_kubernetes.admin.history_trends import trends
from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.admin.windows import WINDOWS
from django_tasks_kubernetes.models import TaskHistory
from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.admin.test_history import ended, keeping
from tests.unit.backend.admin.test_overview import PAGE
from tests.unit.backend.web_server import Server

__all__ = ["keeping"]  # a fixture
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("word", WINDOWS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
def test_each_end_is_in_its_bucket(word: str, zone: str) -> None:
    window, now = WINDOWS[word], timezone.now()
    buckets = window.buckets(now, ZoneInfo(zone))
    minutes = window.length / timedelta(minutes=1)
    for number, share in enumerate((0.01, 0.3, 0.5, 0.9)):
        ended(str(number), minutes * share, "Failed" if number == 3 else "Succeeded")
    ended("too-old", minutes * 1.5)
    with timezone.override(zone), CaptureQueriesContext(connection) as queries:
        found = trends("default", None, buckets)
    # MySQL without tables of zones knows none.
    assert zone == "UTC" or not any(zone in query["sql"] for query in queries)
    of = {row.task_id: buckets.place(row.finished_at) for row in TaskHistory.objects.exclude(task_id="too-old")}
    expected = [0] * len(buckets)
    for name in ("0", "1", "2"):
        place = of[name]
        assert place is not None
        expected[place] += 1
    assert found.ends["succeeded"] == expected
    assert (found.number, found.succeeded_percent) == (4, 75.0)
    assert found.overall == {"waited": {"p50": 2.0, "p95": 2.0}, "ran": {"p50": 10.0, "p95": 10.0}}


def test_it_is_the_same_without_use_tz() -> None:
    with override_settings(USE_TZ=False):
        ended("one", 5)
        buckets = WINDOWS["1h"].buckets(datetime.now(UTC), UTC)
        found = trends("default", None, buckets)
    assert (found.number, found.overall["waited"]["p50"]) == (1, 2.0)
    assert found.ends["succeeded"].index(1) in (len(buckets) - 6, len(buckets) - 5)


def test_it_is_two_queries_of_the_queues_of_a_person(django_assert_num_queries: Any) -> None:
    ended("mine", 1), ended("other", 1, queue="secret"), ended("elsewhere", 1, backend="other")
    buckets = WINDOWS["24h"].buckets(timezone.now(), UTC)
    with django_assert_num_queries(2):
        assert trends("default", {"mail"}, buckets).number == 1
    assert trends("default", None, buckets).number == 2
    assert trends("default", set(), buckets).number == 0


def test_of_many_a_sample_says_how_long_they_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_trends, "SAMPLE", 64)
    at = timezone.now() - timedelta(minutes=5)
    TaskHistory.objects.bulk_create(
        TaskHistory(
            uid=f"{number * 2**24:08x}-", task_id=str(number), backend="default", phase="Succeeded", finished_at=at,
            started_at=at - timedelta(seconds=10),
        )
        for number in range(256)
    )  # fmt: skip
    found = trends("default", None, WINDOWS["1h"].buckets(timezone.now(), UTC))
    assert (found.number, found.overall["ran"]["p50"]) == (256, 10.0)
    assert history_trends._sampled(TaskHistory.objects.all(), 256).count() == 64


@pytest.mark.thorough
def test_the_overview_has_days_that_the_cluster_does_not_know(
    keeping: Server, log_in: LogIn, viewer: Client, django_assert_num_queries: Any
) -> None:
    ended("one", 5), ended("failed", 600, "Failed"), ended("old", 9000)
    client = log_in("view_task", "view_taskhistory")
    found = {word: client.get(f"{PAGE}?within={word}").context["ended"] for word in WINDOWS}
    assert found == {"1h": 1, "3h": 1, "24h": 2, "7d": 3, "30d": 3}
    forget()
    with django_assert_num_queries(5):
        response = client.get(f"{PAGE}?within=24h")
    assert "From the history." in response.text
    # Kept, as what the cluster says is.
    with django_assert_num_queries(3):
        client.get(f"{PAGE}?within=24h")
    assert viewer.get(f"{PAGE}?within=24h").context["ended"] == 0
