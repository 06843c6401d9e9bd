"""Which modules are imported to find schedules, and what becomes of those that cannot be."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from django_tasks_kubernetes.schedules.discover import Discovery, discover


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """On the path of imports; what is imported from there is forgotten."""
    (tmp_path / "site-packages").mkdir()
    for path in (tmp_path, tmp_path / "site-packages"):
        monkeypatch.syspath_prepend(str(path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def app(folder: Path, name: str, **modules: str) -> str:
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()
    for module, text in modules.items():
        (folder / name / f"{module}.py").write_text(text)
    return name


def test_modules_of_all_apps_are_imported(folder: Path) -> None:
    apps = [
        app(folder, "discover_one", tasks="", schedules="", views="1/0"),
        app(folder, "discover_two", schedules="raise ValueError('no')"),
        app(folder, "discover_three"),
        app(folder / "site-packages", "discover_four", tasks="import celery_is_not_here"),
        app(folder / "site-packages", "discover_five", tasks="raise ValueError('no')"),
        app(folder, "discover_six", tasks="import celery_is_not_here"),
    ]
    with override_settings(INSTALLED_APPS=apps):
        found = discover()
    assert {"discover_one.tasks", "discover_one.schedules"} <= set(sys.modules)
    assert "discover_one.views" not in sys.modules
    assert {name: type(error) for name, error in found.failed.items()} == {
        "discover_two.schedules": ValueError,
        "discover_five.tasks": ValueError,
        "discover_six.tasks": ModuleNotFoundError,
    }
    assert set(found.left_out) == {"discover_four.tasks"}


def test_an_app_that_is_a_module_has_no_modules(folder: Path) -> None:
    (folder / "discover_seven.py").touch()
    with override_settings(INSTALLED_APPS=["discover_seven"]):
        assert discover() == Discovery()
