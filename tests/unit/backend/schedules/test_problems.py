"""What `manage.py check` says about declared schedules."""

from typing import Any

import pytest
from django.tasks import task

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.schedules.definition import Schedule
from django_tasks_kubernetes.schedules.problems import ProblemKind, problems_of
from django_tasks_kubernetes.task import replace_unvalidated
from tests.unit.backend import tasks

ECHO: Any = tasks.echo
RENAMED = task(tasks.plain)


def declared(**fields: Any) -> Schedule:
    given: dict[str, Any] = {"task": ECHO, "name": "nightly", "cron": ("0 2 * * *",)} | fields
    return Schedule(**given)


def found(*schedules: Schedule) -> list[tuple[str, str, str | None]]:
    return [(p.kind.name, p.text, p.hint) for p in problems_of(schedules, lambda alias: Options())]


@pytest.mark.parametrize(
    ("schedules", "kind", "text", "hint"),
    [
        (
            [{"cron": ("0 2 * * *", "0 25 * * *")}],
            "EXPRESSION",
            "'0 25 * * *': '25' is not an hour (0 to 23).",
            "Character 3:\n\n        0 25 * * *\n          ^",
        ),
        ([{"cron": ("* * * *",)}], "EXPRESSION", "it has 4 fields, and five are needed", "Character 1:"),
        ([{"cron": ("0 2 30 2 *",)}], "EXPRESSION", "none of its months has that day", "Character 5:"),
        (
            [{"cron": ("0,*/90 * * * *",)}],
            "EXPRESSION",
            "'0,*/90 * * * *': '*/90' is one time of each hour, and no interval",
            "Every 90 minutes: schedule.every(minutes=90).",
        ),
        ([{"cron": ("0 */36 * * *",)}], "EXPRESSION", "'*/36' is one time of each day", "schedule.every(hours=36)"),
        ([{"cron": ("0 0 1/45 * *",)}], "EXPRESSION", "'1/45' is one time of each month", None),
        ([{"cron": ("1," * 60 + "1 * * * *",)}], "EXPRESSION", "has 129 characters, and 100 are allowed", None),
        ([{"cron": ("@daily",) * 17}], "EXPRESSION", "It has 17 expressions, and 16 are allowed", "several schedules"),
        ([{"timezone": "Europe/Berln"}], "TIME_ZONE", "There is no time zone 'Europe/Berln'.", "mean Europe/Berlin?"),
        (
            [{"timezone": "../etc/passwd"}],
            "TIME_ZONE",
            "There is no time zone '../etc/passwd'.",
            "such as Europe/Berlin",
        ),
        # A file of the system, and no zone.
        ([{"timezone": "/etc/localtime"}], "TIME_ZONE", "no time zone '/etc/localtime'", "such as Europe/Berlin"),
        ([{"timezone": 3}], "TIME_ZONE", "timezone must be the IANA name", None),
        ([{"name": "Nightly_1"}], "NAME", "The name 'Nightly_1' must have lower-case letters", "name='nightly'"),
        ([{"name": "a" * 45}], "NAME", "44 at most", "another name"),
        ([{}, {"cron": ("@daily",)}], "NAME", "2 schedules have the name 'nightly'.", "name of its own"),
        ([{"task": RENAMED}], "TASK", "tests.unit.backend.tasks.plain is function, not this task.", None),
        ([{"args": (object(),)}], "OPTION", "args[0]: object is not JSON", None),
        ([{"jitter": 9999}], "OPTION", "jitter must be from 0 s to 3600 s, not 9999.", None),
    ],
)
def test_problem(schedules: Any, kind: str, text: str, hint: str | None) -> None:
    problems = found(*(declared(**fields) for fields in schedules))
    assert len(problems) == len(schedules)
    assert {problem[0] for problem in problems} == {kind}
    assert text in problems[0][1]
    assert (hint is None) == (problems[0][2] is None)
    assert (hint or "") in (problems[0][2] or "")


def test_no_problem() -> None:
    assert found(declared(), declared(name="other", cron=("*/60 9-17/2 */2 * MON-FRI", "@hourly"))) == []


@pytest.mark.parametrize(("namespace", "number"), [("shop", 2), ("other", 0), (None, 0)])
def test_a_name_may_be_taken_once_in_each_namespace(namespace: str | None, number: int) -> None:
    options = {"default": Options(namespace="shop"), "second": Options(namespace=namespace)}
    schedules = [declared(), declared(task=replace_unvalidated(ECHO, backend="second"))]
    assert [p.kind for p in problems_of(schedules, options.__getitem__)] == [ProblemKind.NAME] * number


def test_all_problems_of_a_schedule_are_said() -> None:
    kinds = {kind for kind, _, _ in found(declared(cron=("x",), timezone="x", name="X", task=RENAMED, jitter=-1))}
    assert kinds == {kind.name for kind in ProblemKind}
