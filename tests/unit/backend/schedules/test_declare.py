"""@schedule: what it registers, and what it refuses. mypy checks its types here, as for users."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type
from zoneinfo import ZoneInfo

import pytest
from django.tasks import Task, TaskContext, task
from django.test import override_settings

from django_tasks_kubernetes import decorators
from django_tasks_kubernetes.schedules import Schedule, schedule
from django_tasks_kubernetes.schedules.names import default_name
from django_tasks_kubernetes.schedules.registry import Registry
from django_tasks_kubernetes.workflows import call, chain, group

UNTYPED: Any = schedule


@task
def poll(full: bool = False) -> int:
    return int(full)


@task(takes_context=True)
def report(context: "TaskContext[..., Any]", year: int, *, draft: bool = False) -> str:
    return str(year)


def test_schedule_registers_the_task_and_returns_it(registry: Registry) -> None:
    assert schedule("0 2 * * *", timezone="Europe/Berlin")(poll) is poll
    name = default_name("tests.unit.backend.schedules.test_declare.poll")
    assert list(registry) == [Schedule(task=poll, cron=("0 2 * * *",), timezone="Europe/Berlin", name=name)]


def test_schedule_keeps_all_options(registry: Registry) -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    options: Any = {
        "name": "emea",
        "timezone": ZoneInfo("UTC"),
        "start_at": start,
        "end_at": end,
        "jitter": 60,
        "concurrency_policy": "Queue",
        "catch_up": "All",
        "catch_up_limit": 5,
        "starting_deadline": timedelta(hours=1),
    }
    schedule("0 2 * * *", "@hourly", args=[2026], kwargs={"draft": True}, **options)(report)
    (found,) = registry
    assert found == Schedule(
        task=report, cron=("0 2 * * *", "@hourly"), args=(2026,), kwargs={"draft": True}, **options
    )


@pytest.mark.parametrize(
    ("given", "minutes"), [({"minutes": 15}, 15), ({"hours": 2}, 120), ({"hours": 1, "minutes": 30}, 90)]
)
def test_every(registry: Registry, given: dict[str, int], minutes: int) -> None:
    UNTYPED.every(**given, name="poll", args=[True])(poll)
    (found,) = registry
    assert (found.every_minutes, found.cron, found.args, found.name) == (minutes, (), (True,), "poll")


def test_several_schedules_of_one_task(registry: Registry) -> None:
    schedule.every(minutes=5, name="a")(schedule("0 2 * * *", name="b")(poll))
    assert [(one.name, one.task) for one in registry] == [("b", poll), ("a", poll)]


def test_chains_and_groups_are_each_declared(registry: Registry) -> None:
    """They have no path: the last of them took the places of all others, which sync then deleted."""
    for number, drawn in enumerate((chain(call(poll)), group(call(poll)), chain(call(poll)))):
        schedule(f"{number} 2 * * *", name=f"drawn-{number}")(drawn)
    assert [one.name for one in registry] == ["drawn-0", "drawn-1", "drawn-2"]


def test_thousands_are_declared_in_a_moment(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each task pod imports them: the paths of all others were read for each one."""
    read: list[str] = []

    def path(self: Any) -> str:
        read.append(f"{self.func.__module__}.{self.func.__qualname__}")
        return read[-1]

    monkeypatch.setattr(Task, "module_path", property(path))
    for number in range(100):
        schedule("0 2 * * *", name=f"tenant-{number}")(poll)
    assert len(registry) == 100
    assert len(read) < 1000


def test_a_module_that_is_loaded_again_declares_again(registry: Registry) -> None:
    def made() -> Callable[..., None]:
        def again() -> None: ...

        again.__qualname__ = "again"
        return again

    for _ in range(2):
        loaded = task(made())
        schedule("0 2 * * *", name="a")(loaded)
        schedule("0 3 * * *", name="b")(loaded)
    assert [one.name for one in registry] == ["a", "b"]


@pytest.mark.parametrize("backend", ["immediate.ImmediateBackend", "dummy.DummyBackend"])
def test_schedule_registers_under_each_backend(registry: Registry, backend: str) -> None:
    with override_settings(TASKS={"default": {"BACKEND": f"django.tasks.backends.{backend}"}}):
        schedule("0 2 * * *", name="a")(task(poll.func))
    assert [one.name for one in registry] == ["a"]


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: UNTYPED()(poll), r"schedule\(\) needs an expression, such as"),
        (lambda: UNTYPED(poll), r"schedule\(\) needs an expression, such as"),
        (lambda: UNTYPED(5)(poll), r"expressions as strings, not \(5,\)\. For an interval: schedule\.every\(\)"),
        (lambda: UNTYPED("0 2 * * *", args="2026")(report), r"a list of arguments, such as \['2026'\], not '2026'"),
        (lambda: UNTYPED("0 2 * * *")(chain(call(poll))), r"has no name .*@schedule\(…, name=…\)"),
        (
            lambda: UNTYPED("0 2 * * *")(poll.func),
            r"takes a task or a workflow, not <function poll .*Put it above @task, or @workflow",
        ),
        (lambda: UNTYPED("0 2 * * *", zone="UTC")(poll), r"has no option zone\. There are: args, kwargs, catch_up, "),
        (lambda: UNTYPED("0 2 * * *", args=5)(report), r"a list of arguments, such as \[5\], not 5"),
        (lambda: UNTYPED("0 2 * * *", kwargs=[1])(report), r"a dict of arguments by their names, not \[1\]"),
        (lambda: UNTYPED.every(seconds=30)(poll), r"takes minutes=… and hours=…, whole numbers, not seconds=…"),
        (lambda: UNTYPED.every(timedelta(minutes=5))(poll), r"takes minutes=… .*, not datetime\.timedelta\("),
        (lambda: UNTYPED.every(minutes=1.5)(poll), r"every\(minutes=…\) must be a whole number, not 1\.5"),
        (lambda: UNTYPED("0 2 * * *")(report), r"do not fit .*\.report: missing a required argument: 'year'"),
        (lambda: UNTYPED("0 2 * * *", args=[1, 2])(report), r"too many positional arguments\. Give them as args="),
        (lambda: UNTYPED("0 2 * * *", args=[1], kwargs={"x": 1})(report), r"unexpected keyword argument 'x'"),
    ],
)
def test_schedule_refuses(registry: Registry, declare: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        declare()
    assert len(registry) == 0


def _types() -> None:
    """Read by mypy alone."""

    @schedule("0 2 * * *", timezone="Europe/Berlin")
    @task(queue_name="maintenance", takes_context=True)
    def nightly(context: "TaskContext[..., Any]") -> int:
        return 1

    assert_type(nightly, Task[[], int])
    assert_type(nightly.enqueue().return_value, int)

    @schedule.every(minutes=15)
    @decorators.task(ttl=60)
    def with_default(full: bool = False) -> int:
        return 1

    assert_type(with_default.using(timeout=3).enqueue(full=True).return_value, int)

    schedule("0 2 * * *", args=[1])(report).enqueue("x")  # type: ignore[arg-type]
    schedule("0 2 * * *")(report)  # type: ignore[type-var]
    schedule("0 2 * * *", catch_up="Some")(poll)  # type: ignore[call-overload]
    schedule("0 2 * * *", concurrency="Forbid")(poll)  # type: ignore[call-overload]
    schedule("0 2 * * *")(len)  # type: ignore[type-var]
    schedule.every(seconds=5)(poll)  # type: ignore[call-overload]
