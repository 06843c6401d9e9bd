"""Which time tasks in memory are due at, and expire at."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.tasks import task
from django.test import override_settings
from django.utils import timezone

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.context import KubernetesTaskContext
from django_tasks_kubernetes.schedules import schedule
from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks

NOON = datetime(2020, 11, 29, 12, tzinfo=UTC)
FUTURE = datetime(2090, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UNTYPED: Any = schedule

pytestmark = pytest.mark.usefixtures("registry")
ECHO: Any = tasks.echo
RUNS_MAX = 100


@pytest.fixture
def runs() -> Iterator[list[None]]:
    RUNS.clear()
    yield RUNS
    RUNS.clear()


RUNS: list[None] = []


@task
def polls() -> None:
    """Looks every ten minutes, for ever."""
    RUNS.append(None)
    assert len(RUNS) < RUNS_MAX, "it runs without end"
    polls.using(run_after=timezone.now() + 10 * MINUTE).enqueue()


@task(takes_context=True)  # type: ignore[arg-type]
def follows_up(context: KubernetesTaskContext) -> None:
    assert context.scheduled_for is not None
    tasks.echo.using(run_after=context.scheduled_for + HOUR).enqueue("follow-up")


@task
def enqueues_what_expires() -> None:
    ECHO.using(expires=HOUR).enqueue("child")


def expired(results: list[Any]) -> list[bool]:
    return [bool(one.errors) and one.errors[-1].exception_class is exceptions.Expired for one in results]


def test_a_task_that_has_expired_fails_and_does_not_run() -> None:
    with in_memory() as cluster:
        ECHO.using(expires=HOUR).enqueue()
        ECHO.using(expires=DAY).enqueue()
        ECHO.using(expires=timezone.now() - MINUTE).enqueue()
        done = cluster.run_pending(now=timezone.now() + 2 * HOUR)
        assert expired(cluster.results) == [True, False, True]
        assert len(done) == 3
        assert "before it started" in str(cluster.results[0].message)


def test_a_deferred_task_expires_before_it_is_due() -> None:
    with in_memory() as cluster:
        ECHO.using(run_after=timezone.now() + DAY, expires=HOUR).enqueue()
        assert cluster.run_pending() == []
        assert expired(cluster.run_pending(now=timezone.now() + 2 * HOUR)) == [True]


def test_waiting_for_a_task_that_has_expired_ends() -> None:
    with in_memory():
        result: Any = ECHO.using(expires=timezone.now() - MINUTE).enqueue()
        assert expired([result.wait(timeout=60)]) == [True]


def test_what_a_task_enqueues_has_the_time_that_it_was_given() -> None:
    with in_memory() as cluster:
        enqueues_what_expires.enqueue()
        cluster.run_pending(now=timezone.now() + DAY)
        assert expired(cluster.results) == [False, False]
        assert [result.status for result in cluster.results] == ["SUCCESSFUL", "SUCCESSFUL"]


@pytest.mark.parametrize("began", [NOON, FUTURE])
def test_tasks_of_a_schedule_expire_by_its_time(began: datetime) -> None:
    UNTYPED.every(hours=1, name="a", starting_deadline=30 * MINUTE, concurrency_policy="Allow")(tasks.echo)
    with in_memory(now=began) as cluster:
        cluster.tick(HOUR + 20 * MINUTE, run=False)
        assert expired(cluster.run_pending()) == [False]
        cluster.tick(HOUR + 20 * MINUTE, run=False)
        assert expired(cluster.run_pending()) == [True]


def test_the_end_of_a_task_that_has_expired_lets_the_next_one_run() -> None:
    UNTYPED.every(hours=1, name="a", starting_deadline=3 * HOUR, concurrency_policy="Queue")(tasks.echo)
    with in_memory(now=NOON) as cluster:
        cluster.tick(4 * HOUR + MINUTE, run=False)
        assert len(cluster.results) == 1
        cluster.tick(MINUTE)
        assert [expired([result])[0] for result in cluster.results][:2] == [True, False]


def test_what_a_task_of_a_schedule_enqueues_does_not_expire_at_once() -> None:
    UNTYPED.every(hours=1, name="a")(enqueues_what_expires)
    with in_memory() as cluster:
        cluster.tick(DAY)
        assert True not in expired(cluster.results)


@pytest.mark.parametrize("began", [NOON, FUTURE])
def test_what_a_test_enqueues_does_not_expire_by_the_time_of_the_schedules_alone(began: datetime) -> None:
    with in_memory(now=began) as cluster:
        ECHO.using(expires=HOUR).enqueue()
        ECHO.using(expires=began + HOUR).enqueue()
        cluster.tick(MINUTE)
        assert expired(cluster.results) == [False, False]


def test_a_task_that_enqueues_itself_for_later_lets_the_time_pass(runs: list[None]) -> None:
    UNTYPED.every(hours=24, name="a")(tasks.echo)
    with in_memory(now=timezone.now() + DAY) as cluster:
        polls.enqueue()
        cluster.tick(3 * HOUR)
        assert len(runs) == 1 + 3 * 6


def test_a_task_that_enqueues_itself_for_later_lets_run_pending_end(runs: list[None]) -> None:
    later = timezone.now() + DAY
    with in_memory() as cluster:
        polls.enqueue()
        assert len(cluster.run_pending(now=later)) == 1
        assert len(cluster.run_pending(now=later + 9 * MINUTE)) == 0
        assert len(cluster.run_pending(now=later + 11 * MINUTE)) == 1


@pytest.mark.parametrize("began", [NOON, FUTURE])
def test_a_run_after_of_the_schedules_time_is_of_that_time(began: datetime) -> None:
    UNTYPED("0 13 * * *", name="a", timezone="UTC")(follows_up)
    with in_memory(now=began) as cluster:
        cluster.tick(until=began.replace(hour=13, minute=30))
        assert [result.status for result in cluster.results] == ["SUCCESSFUL", "READY"]
        cluster.tick(HOUR)
        assert [result.status for result in cluster.results] == ["SUCCESSFUL", "SUCCESSFUL"]


@pytest.mark.parametrize("now", [3600, HOUR, "2026-11-30"])
def test_what_is_no_time_is_refused(now: Any) -> None:
    with in_memory() as cluster, pytest.raises(TypeError, match="now is a datetime"):
        cluster.run_pending(now=now)
    with pytest.raises(TypeError, match="now is a datetime"), in_memory(now=now):
        pass


def test_a_naive_time_is_that_of_the_settings() -> None:
    nine, ten = (datetime(2026, 11, 30, hour) for hour in (9, 10))  # noqa: DTZ001 - naive on purpose
    with override_settings(USE_TZ=False, TIME_ZONE="Asia/Tokyo"), in_memory(now=nine) as cluster:
        assert cluster.now == datetime(2026, 11, 30, tzinfo=UTC)
        cluster.tick(until=ten)
        assert cluster.now == datetime(2026, 11, 30, 1, tzinfo=UTC)
