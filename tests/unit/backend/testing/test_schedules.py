"""Schedules in in_memory(), on a clock of the test."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils.timezone import localdate

from django_tasks_kubernetes.exceptions import ScheduleDoesNotExist
from django_tasks_kubernetes.schedules import schedule
from django_tasks_kubernetes.schedules.discover import Discovery
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.testing import schedules as virtual
from djangotasks_api.schedules.due import Decision, due
from djangotasks_api.schedules.plan import Plan
from tests.unit.backend import tasks

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
UNTYPED: Any = schedule

pytestmark = pytest.mark.usefixtures("registry")


def hours(results: list[Any]) -> list[str]:
    return [f"{result.scheduled_for:%d %H:%M}" for result in results]


def test_tick_runs_what_is_due() -> None:
    schedule("0 */6 * * *", name="a", timezone="UTC")(tasks.says_when)
    schedule.every(hours=8, name="b")(tasks.says_when)
    with in_memory(now=NOON) as cluster:
        assert cluster.tick(timedelta(minutes=30)) == []
        done = cluster.tick(until=NOON + timedelta(days=1))
        assert [(r.schedule, r.id, r.status) for r in done] == [
            ("b", "b-202611291600", "SUCCESSFUL"),
            ("a", "a-202611291800", "SUCCESSFUL"),
            ("a", "a-202611300000", "SUCCESSFUL"),
            ("b", "b-202611300000", "SUCCESSFUL"),
            ("a", "a-202611300600", "SUCCESSFUL"),
            ("b", "b-202611300800", "SUCCESSFUL"),
            ("a", "a-202611301200", "SUCCESSFUL"),
        ]
        assert done[1].return_value == "2026-11-29T18:00:00+00:00"
        assert cluster.now == NOON + timedelta(days=1)


def test_times_are_those_of_the_zone() -> None:
    schedule("30 2 * * *", name="a", timezone="Europe/Berlin")(tasks.echo)
    with in_memory(now=datetime(2026, 3, 28, tzinfo=UTC)) as cluster:
        # In the night of the 29th the clocks are put forward from 2 to 3.
        assert hours(cluster.tick(timedelta(days=3))) == ["28 01:30", "29 01:00", "30 00:30"]


@pytest.mark.parametrize(
    ("policy", "statuses"),
    [
        ("Forbid", ["READY"]),
        ("Allow", ["READY", "READY", "READY"]),
        ("Replace", ["FAILED", "FAILED", "READY"]),
        ("Queue", ["READY"]),
    ],
)
def test_policies_while_a_task_runs_for_long(policy: str, statuses: list[str]) -> None:
    UNTYPED.every(hours=1, name="a", concurrency_policy=policy)(tasks.echo)
    with in_memory(now=NOON) as cluster:
        cluster.tick(3 * HOUR, run=False)
        assert [result.status for result in cluster.results] == statuses
        done = cluster.tick(timedelta(minutes=1))
        # What was queued follows when the one before it has ended.
        assert hours(done) == (["29 14:00"] if policy == "Queue" else [])


def test_deferred_tasks_run_at_their_time() -> None:
    with in_memory(now=NOON) as cluster:
        result = tasks.echo.using(run_after=NOON + 2 * HOUR).enqueue(1)
        cluster.tick(HOUR)
        result.refresh()
        assert result.status == "READY"
        cluster.tick(HOUR)
        result.refresh()
        assert result.status == "SUCCESSFUL"


def test_suspended_schedules_make_up_for_nothing() -> None:
    schedule.every(hours=1, name="a")(tasks.echo)
    with in_memory(now=NOON) as cluster:
        cluster.suspend("a")
        assert cluster.tick(5 * HOUR) == []
        cluster.resume("a")
        assert hours(cluster.tick(HOUR)) == ["29 18:00"]
        with pytest.raises(ScheduleDoesNotExist, match="declares no schedule 'b'"):
            cluster.suspend("b")


def test_arguments_and_options_reach_the_task() -> None:
    UNTYPED.every(hours=1, name="a", args=[1], kwargs={"b": 2})(tasks.echo.using(priority=5, queue_name="mail"))
    with in_memory(now=NOON) as cluster:
        (done,) = cluster.tick(HOUR)
    assert done.return_value == {"args": [1], "kwargs": {"b": 2}}
    assert (done.task.priority, done.task.queue_name) == (5, "mail")


def test_tick_knows_the_schedules_of_modules_that_nobody_has_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def discover() -> Discovery:
        schedule.every(hours=1, name="late")(tasks.echo)
        return Discovery()

    monkeypatch.setattr(virtual, "discover", discover)
    with in_memory(now=NOON) as cluster:
        assert [result.schedule for result in cluster.tick(HOUR)] == ["late"]


def test_a_module_that_cannot_be_imported_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = Discovery(failed={"shop.tasks": ImportError("no module named orders")})
    monkeypatch.setattr(virtual, "discover", lambda: failed)
    with in_memory(now=NOON) as cluster, pytest.raises(ImportError, match="no module named orders"):
        cluster.tick(HOUR)


def test_two_schedules_of_one_name_are_refused() -> None:
    schedule.every(hours=1, name="a")(tasks.echo)
    schedule.every(hours=2, name="a")(tasks.says_when)
    with in_memory(now=NOON) as cluster, pytest.raises(ValueError, match="2 schedules have the name 'a'"):
        cluster.tick(HOUR)


def test_the_day_of_a_time_is_that_of_its_zone() -> None:
    """Half past midnight in Berlin, in UTC the day before."""
    schedule("30 0 * * *", name="a", timezone=BERLIN)(tasks.echo)
    with in_memory(now=NOON) as cluster:
        (result,) = cluster.tick(timedelta(days=1))
    at = result.scheduled_for
    assert at is not None
    assert (at.date(), localdate(at, BERLIN)) == (date(2026, 11, 29), date(2026, 11, 30))


@pytest.mark.parametrize("until", [3600, "2026-11-30", None])
def test_what_is_no_time_is_refused(until: Any) -> None:
    with in_memory(now=NOON) as cluster, pytest.raises(TypeError, match=r"a timedelta such as timedelta\(hours=1\)"):
        cluster.tick(until)


def test_time_does_not_go_back() -> None:
    with (
        in_memory(now=NOON) as cluster,
        pytest.raises(ValueError, match=r"tick\(\) goes forward: it is 2026-11-29T12:00"),
    ):
        cluster.tick(NOON - HOUR)


def test_a_schedule_is_decided_about_when_it_is_due_and_not_at_each_time_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A day of twenty schedules and one for each minute took minutes."""
    for number in range(20):
        schedule(f"{number} 3 * * *", name=f"nightly-{number}", timezone="UTC")(tasks.echo)
    schedule("* * * * *", name="poll")(tasks.echo)
    decided: list[str] = []

    def counted(plan: Plan, *arguments: Any) -> Decision:
        decided.append(plan.name)
        return due(plan, *arguments)

    monkeypatch.setattr(virtual, "due", counted)
    with in_memory(now=NOON) as cluster:
        assert len(cluster.tick(HOUR)) == 60
    assert len([name for name in decided if name != "poll"]) == 20
