"""What a dotted path leads to, and what it must not import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_tasks_kubernetes.codec.decode import decode
from django_tasks_kubernetes.codec.find import find
from django_tasks_kubernetes.codec.task_error import KubernetesTaskError
from django_tasks_kubernetes.exceptions import AttemptFailed, InvalidResource
from tests.unit.backend import tasks


class Order:
    class DoesNotExist(Exception):
        class Inner(Exception):
            pass


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{__name__}.Order.DoesNotExist", Order.DoesNotExist),
        (f"{__name__}.Order.DoesNotExist.Inner", Order.DoesNotExist.Inner),
        ("builtins.ValueError", ValueError),
        ("tests.unit.backend.tasks.Refused", tasks.Refused),
        # What cannot be had here: gone, none of the project's modules, no exception, no path.
        (f"{__name__}.Order.Gone", AttemptFailed),
        ("nowhere.Error", AttemptFailed),
        ("antigravity.Error", AttemptFailed),
        (f"{__name__}.find", AttemptFailed),
        ("some.<locals>.Error", AttemptFailed),
        ("Error", AttemptFailed),
        ("", AttemptFailed),
        ("..", AttemptFailed),
    ],
)
def test_exception_class_is_a_class_whatever_the_path(path: str, expected: type[Exception]) -> None:
    assert KubernetesTaskError(exception_class_path=path, traceback="").exception_class is expected


FOREIGN = ["this.x", "antigravity.fly", "idlelib.run.x", "django.__main__.x", "lib2to3.x", "turtledemo.__main__.x"]


@pytest.mark.parametrize("path", FOREIGN)
def test_looking_at_a_task_imports_no_arbitrary_module(path: str) -> None:
    module = path.rpartition(".")[0]
    before = set(sys.modules)
    resource: Any = {"metadata": {"name": "t"}, "spec": {"task": path}}
    with pytest.raises(InvalidResource, match="cannot be imported here"):
        decode(resource, alias="default")
    assert module in before or module not in sys.modules


def test_modules_of_the_project_are_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "newsletter.py").write_text("class Bounced(Exception): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"none of the project's packages.* add it to INSTALLED_APPS"):
        find("newsletter.Bounced")
    try:
        with override_settings(ROOT_URLCONF="newsletter.urls"):
            assert issubclass(find("newsletter.Bounced"), Exception)
    finally:
        sys.modules.pop("newsletter", None)


def test_an_error_of_the_projects_module_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        find("tests.unit.backend.broken.task")


@pytest.mark.parametrize(
    "time",
    ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "yesterday", "2026-13-01T00:00:00Z"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["enqueuedAt", "runAfter", "startedAt", "finishedAt"])
def test_a_time_that_python_has_not_makes_the_task_unreadable_and_no_more(time: str, place: str) -> None:
    resource: Any = {
        "metadata": {"name": "t"},
        "spec": {"task": tasks.echo.module_path},
        "status": {"phase": "Succeeded"},
    }
    resource["spec" if place in ("enqueuedAt", "runAfter") else "status"][place] = time
    with pytest.raises(InvalidResource, match="Task result t cannot be shown"):
        decode(resource, alias="default")
