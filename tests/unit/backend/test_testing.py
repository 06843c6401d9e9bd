"""The helpers for the tests of users: what they run is what a pod would run."""

from datetime import UTC, datetime, timedelta

from django.conf import settings

from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks


def test_nothing_runs_before_it_is_told_to() -> None:
    with in_memory() as cluster:
        result = tasks.echo.enqueue(1)
        assert [found.status for found in cluster.results] == ["READY"]
        (done,) = cluster.run_pending()
        assert (done.id, done.return_value) == (result.id, {"args": [1], "kwargs": {}})
        assert cluster.run_pending() == []


def test_the_highest_priority_first_then_the_oldest() -> None:
    with in_memory() as cluster:
        for name, priority in (("a", 0), ("b", -1), ("c", 9), ("d", 0)):
            tasks.echo.using(priority=priority).enqueue(name)
        assert [done.args[0] for done in cluster.run_pending()] == ["c", "a", "d", "b"]


def test_what_is_deferred_waits() -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    with in_memory() as cluster:
        tasks.echo.using(run_after=at).enqueue()
        assert cluster.run_pending() == []
        assert cluster.run_pending(now=at - timedelta(microseconds=1)) == []
        assert len(cluster.run_pending(now=at)) == 1


def test_a_failure_is_in_the_result() -> None:
    with in_memory() as cluster:
        result = tasks.fails.enqueue("out of stock")
        cluster.run_pending()
        result.refresh()
        assert result.status == "FAILED"
        assert result.errors[0].exception_class is tasks.Refused
        assert result.errors[0].traceback.endswith("Refused: out of stock\n")


def test_the_settings_are_as_before_afterwards() -> None:
    before = settings.TASKS
    with in_memory():
        assert settings.TASKS["default"]["QUEUES"] == ["default", "mail"]
    assert before == settings.TASKS
