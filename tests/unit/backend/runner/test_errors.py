"""An exception as text: its headline, its traceback, and what is left out of them."""

import logging
from typing import Any

import pytest

from django_tasks_kubernetes.retry import is_retried, retry_after
from django_tasks_kubernetes.runner.errors import error_report, readable
from django_tasks_kubernetes.task import AnyTask
from djangotasks_api.bounds import TRACEBACK_MAX_BYTES
from djangotasks_api.outcome import Outcome
from djangotasks_api.text import CUT
from tests.unit.backend import tasks
from tests.unit.backend.runner.test_execute import run


@pytest.fixture(autouse=True)
def _unlogged(caplog: pytest.LogCaptureFixture) -> None:
    """What pytest keeps of the log goes to another process under pytest-xdist, which takes no lone surrogates."""
    caplog.set_level(logging.CRITICAL, "django.tasks")


@pytest.mark.parametrize(
    ("task", "args", "message"),
    [
        (tasks.raises, ("empty",), "ValueError"),
        (tasks.raises, ("blank first",), "ValueError: boom"),
        (tasks.raises, ("PostgreSQL",), "tests.unit.backend.tasks.Refused: duplicate key value violates unique constraint \"u\""),
        (tasks.raises, ("MySQL",), "tests.unit.backend.tasks.Refused: (1062, \"Duplicate entry … for key 'email'\")"),
        (tasks.raises, ("SQL Server",), "tests.unit.backend.tasks.Refused: Cannot insert duplicate key. The duplicate key value is …."),
        (tasks.raises, ("pydantic",), "ValueError: 1 validation error for Order"),
        (tasks.raises, ("note",), "ValueError: no"),
        (tasks.raises, ("see",), "ValueError: no"),
        (tasks.raises, ("surrogate",), "ValueError: \\ud800"),
        (tasks.raises, ("group",), "ExceptionGroup: several (3 sub-exceptions): ValueError: a; and 2 more"),
        (tasks.raises, ("interrupt",), "KeyboardInterrupt: by hand"),
        (tasks.raises, ("frozen",), "tests.unit.backend.tasks.Frozen: no such order"),
        (tasks.raises, ("silent",), "tests.unit.backend.tasks.Silent"),
        (tasks.fails_in_a_group, (), "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception): ValueError: no such order 7"),
    ],
)  # fmt: skip
def test_error_message_is_the_class_and_the_first_useful_line(task: AnyTask, args: Any, message: str) -> None:
    _, outcome = run(task, *args)
    assert outcome.error.message == message


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('invalid input syntax for type uuid: "jane@example.com"', "invalid input syntax for type uuid: …"),
        ('invalid input syntax for type double precision: "jane\n"', "invalid input syntax for type double precision: …"),
        ('invalid input value for enum mood: "jane"', "invalid input value for enum mood: …"),
        ('value "4911122334455" is out of range for type integer', "value … is out of range for type integer"),
        ('date/time field value out of range: "1970-31-01"', "date/time field value out of range: …"),
        ("(1292, \"Truncated incorrect DOUBLE value: 'jane'\")", '(1292, "Truncated incorrect DOUBLE value: …'),
        ("(1062, \"Duplicate entry '" + 600 * "j" + "' for key 'name'\")", '(1062, "Duplicate entry …'),
        ("Truncated value: 'jane'. (2628)", "Truncated value: …"),
        ("Conversion failed when converting the varchar value 'jane' to data type int.", "Conversion failed when converting the varchar value … to data type int."),
        ('E11000 duplicate key error index: email_1 dup key: { email: "jane" }, full error: {}', "E11000 duplicate key error index: email_1 dup key: …"),
        ("7: UNIQUE constraint failed: demo_order.email (OrderedDict({'email': 'jane'}))", "7: UNIQUE constraint failed: demo_order.email (OrderedDict…)"),
    ],
)  # fmt: skip
def test_what_databases_quote_is_left_out(said: str, shown: str) -> None:
    assert error_report(ValueError(said)).message == f"ValueError: {shown}"


@pytest.mark.parametrize(("depth", "copies"), [(1000, 1), (1, 10_000), (40, 2)])
def test_of_many_exceptions_in_groups_the_first_is_shown(depth: int, copies: int) -> None:
    """Without the time that each of them would take: 40 groups of two are 2**40."""
    with pytest.raises(ExceptionGroup) as caught:
        tasks.raises_groups.func(depth, copies)
    assert retry_after(caught.value) is None
    assert is_retried(caught.value, ("builtins.ValueError",), ())
    report = error_report(caught.value)
    sub_exceptions = f"{copies} sub-exception{'s' * (copies > 1)}"
    assert report.message == f"ExceptionGroup: several ({sub_exceptions}): ValueError: no such order 7"
    assert report.traceback.startswith("Traceback (most recent call last):\n")
    assert "in raises_groups" in report.traceback
    assert report.traceback.endswith("The first one in the group:\n\nValueError: no such order 7\n")


def test_a_group_that_caused_an_exception_does_not_hide_it() -> None:
    error = OSError("no file")
    error.__cause__ = ExceptionGroup("several", [ValueError(str(number)) for number in range(10_000)])
    assert error_report(error).traceback == "Traceback (most recent call last):\nOSError: no file\n"


@pytest.mark.parametrize(("letter", "times"), [("x", 40_000), ("ü", 40_000), ("\ud800", 40_000), ("x", 16_000)])
def test_traceback_fits_the_resource(letter: str, times: int) -> None:
    _, outcome = run(tasks.fails, letter, times)
    traceback = outcome.error.traceback
    assert len(traceback) <= TRACEBACK_MAX_BYTES
    assert traceback.startswith("Traceback (most recent call last):\n")
    assert (CUT in traceback) == (times > 17_000)
    assert Outcome.from_json(outcome.to_json()) == outcome
    assert traceback.encode()


@pytest.mark.thorough
def test_traceback_of_a_deep_recursion() -> None:
    _, outcome = run(tasks.deep, 900)
    assert len(outcome.error.traceback) <= TRACEBACK_MAX_BYTES
    assert outcome.error.traceback.endswith("Refused: deep\n")


def test_exception_that_cannot_be_formatted() -> None:
    class Unrecoverable(Exception):
        @property
        def __notes__(self) -> Any:  # type: ignore[override]
            raise RuntimeError

        def __str__(self) -> str:
            raise RuntimeError

    report = error_report(Unrecoverable())
    assert "Unrecoverable" in report.traceback
    assert report.type.endswith("Unrecoverable")


class _Raising:
    """An attribute that raises when somebody looks at it."""

    def __get__(self, *args: object) -> Any:
        raise RuntimeError("of the exception itself")

    def __set__(self, *args: object) -> None:
        """There, so that a metaclass has it before its classes."""


UNREADABLE: dict[str, Any] = {
    "attribute": type("Attribute", (Exception,), {"__getattribute__": _Raising()}),
    "class": type("Class", (Exception,), {"__class__": _Raising()}),
    "group": type("Group", (ExceptionGroup,), {"exceptions": _Raising()}),
    "module": type("Meta", (type,), {"__module__": _Raising()})("Module", (Exception,), {}),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_exception_that_cannot_be_asked_what_it_is_loses_no_outcome(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "RAISED", UNREADABLE[kind]("several", [ValueError("a")]))
    _, outcome = run(tasks.raises_what_is_there)
    assert outcome.error.type == "django_tasks_kubernetes.runner.errors.UnreadableException"
    assert f"{kind.capitalize()}, and its code raises RuntimeError" in outcome.error.message
    assert "in raises_what_is_there" in outcome.error.traceback


def test_an_exception_that_can_be_asked_is_itself() -> None:
    error = ExceptionGroup("several", [ValueError("a")])
    assert readable(error) is error
