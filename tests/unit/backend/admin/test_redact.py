"""What is hidden of arguments and results."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.tasks import TaskContext, task
from django.test import override_settings
from django.views.debug import SafeExceptionReporterFilter, get_default_exception_reporter_filter

from django_tasks_kubernetes.admin.json_parts import HIDDEN
from django_tasks_kubernetes.admin.redact import Argument, arguments, payload, value

HERE = "tests.unit.backend.admin.test_redact"
LOGIN = f"{HERE}.log_in"
ALL = [Argument("args", HIDDEN, True), Argument("kwargs", HIDDEN, True)]


@task
def log_in(user: str, password: str, *codes: int, trace: bool = False, **rest: Any) -> None: ...


@task(takes_context=True)
def with_context(context: "TaskContext[..., Any]", api_key: str, /, number: int) -> None: ...


@task
def two(user: str, number: int) -> None: ...


def hide_numbers(task_path: str, given: dict[str, Any]) -> Mapping[str, Any]:
    assert task_path == f"{HERE}.two"
    return {name: "-" if isinstance(value, int) else value for name, value in given.items()}


def changes_in_place(task_path: str, given: dict[str, Any]) -> Mapping[str, Any]:
    given["user"] = {"name": "x"}
    return given


def leaves_out(task_path: str, given: dict[str, Any]) -> Mapping[str, Any]:
    return {"user": given["user"]}


def raises(task_path: str, given: dict[str, Any]) -> Mapping[str, Any]:
    raise KeyError("iban")


def gives_nothing(task_path: str, given: dict[str, Any]) -> None: ...


class OwnFilter(SafeExceptionReporterFilter):
    hidden_settings = re.compile("iban")


@pytest.fixture
def filter_of_settings() -> Iterator[None]:
    """Django keeps it."""
    kept: Any = get_default_exception_reporter_filter
    kept.cache_clear()
    yield
    kept.cache_clear()


def shown(found: list[Argument]) -> dict[str, str]:
    return {one.name: one.text for one in found}


@pytest.mark.parametrize(
    ("path", "args", "kwargs", "expected"),
    [
        (LOGIN, "[]", "{}", {}),
        (LOGIN, '["jane", "x"]', "{}", {"user": '"jane"', "password": HIDDEN}),
        (
            LOGIN,
            '["jane","x",1,22]',
            '{"trace":true,"more":{"auth_token":1,"n":1.10}}',
            {
                "user": '"jane"',
                "password": HIDDEN,
                "codes[0]": "1",
                "codes[1]": "22",
                "trace": "true",
                "more": f'{{"auth_token":"{HIDDEN}","n":1.10}}',
            },
        ),
        (f"{HERE}.with_context", '["k", 12345678901234567890]', "{}", {"api_key": HIDDEN, "number": "12345678901234567890"}),
        (f"{HERE}.two", '["a"]', '{"Secret-Thing":1}', {"user": '"a"', "Secret-Thing": HIDDEN}),
        # More than it takes, and what is not found here.
        (f"{HERE}.two", "[1,2,3]", "{}", {"user": "1", "number": "2", "args[0]": "3"}),
        ("shop.gone.task", '[{"password":1}]', '{"token":1}', {"args[0]": f'{{"password":"{HIDDEN}"}}', "token": HIDDEN}),
        ("os.system", '["x"]', "{}", {"command": '"x"'}),
    ],
)  # fmt: skip
def test_arguments_are_hidden_by_their_names(path: str, args: str, kwargs: str, expected: dict[str, str]) -> None:
    found = arguments(path, args, kwargs)
    assert shown(found) == expected
    assert [one.is_hidden for one in found] == [HIDDEN in one.text for one in found]


@pytest.mark.parametrize(
    ("args", "kwargs"), [("", "{}"), ("[", "{}"), ("1", "{}"), ("[]", "x"), ("[" * 99_999 + "]" * 99_999, "{}")]
)
def test_nothing_is_shown_of_what_cannot_be_read(args: str, kwargs: str) -> None:
    assert arguments(LOGIN, args, kwargs) == ALL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"args": ["jane"], "kwargs": {"x": 1.0}}', {"user": '"jane"', "x": "1.0"}),
        ('{"args": ["jane"]}', {"payload": HIDDEN}),
        ('["password"]', {"payload": HIDDEN}),
        ("password", {"payload": HIDDEN}),
    ],
)
def test_payloads_are_read(text: str, expected: dict[str, str]) -> None:
    assert shown(payload(LOGIN, text)) == expected


def test_more_names_are_hidden() -> None:
    given = '{"iban":"DE","x":{"IBAN":"DE","n":1}}'
    assert shown(arguments(LOGIN, "[]", given, "iban$|^bic")) == {
        "iban": HIDDEN,
        "x": f'{{"IBAN":"{HIDDEN}","n":1}}',
    }


def test_names_are_those_of_the_project(filter_of_settings: None) -> None:
    with override_settings(DEFAULT_EXCEPTION_REPORTER_FILTER=f"{HERE}.OwnFilter"):
        assert shown(arguments(LOGIN, "[]", '{"iban":1,"password":2}')) == {"iban": HIDDEN, "password": "2"}


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ("hide_numbers", {"user": '"jane"', "number": '"-"'}),
        ("changes_in_place", {"user": '{"name": "x"}', "number": "1e2"}),
        ("leaves_out", {"user": '"jane"', "number": HIDDEN}),
        ("raises", {"user": HIDDEN, "number": HIDDEN}),
        ("gives_nothing", {"user": HIDDEN, "number": HIDDEN}),
        ("is_not_there", {"user": HIDDEN, "number": HIDDEN}),
    ],
)
def test_a_function_decides(hook: str, expected: dict[str, str]) -> None:
    number = "100" if hook == "hide_numbers" else "1e2"
    assert shown(arguments(f"{HERE}.two", f'["jane",{number}]', "{}", f"{HERE}.{hook}")) == expected


def test_a_function_does_not_see_what_is_hidden_by_its_name() -> None:
    found = arguments(LOGIN, '["jane","x"]', "{}", f"{HERE}.changes_in_place")
    assert shown(found) == {"user": '{"name": "x"}', "password": HIDDEN}


def test_all_is_hidden_where_two_arguments_have_one_name() -> None:
    found = arguments(f"{HERE}.two", "[1]", '{"user":2}', f"{HERE}.changes_in_place")
    assert found == [Argument("user", HIDDEN, True)] * 2


@pytest.mark.parametrize(
    ("name", "text", "hide", "expected"),
    [
        ("result", "1.10", None, "1.10"),
        ("result", '{"token":1}', None, f'{{"token":"{HIDDEN}"}}'),
        ("result", "{", None, HIDDEN),
        ("result", '"x"', f"{HERE}.raises", HIDDEN),
        ("result", '"x"', f"{HERE}.leaves_out", HIDDEN),
    ],
)
def test_results_are_hidden_as_arguments_are(name: str, text: str, hide: str | None, expected: str) -> None:
    assert value(f"{HERE}.two", name, text, hide).text == expected
