"""Finds the schedules of a project: imports the modules of its apps in which they are declared."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from django.apps import apps
from django.utils.module_loading import module_has_submodule

MODULES: Final = ("tasks", "schedules")
INSTALLED: Final = {"site-packages", "dist-packages"}


@dataclass(frozen=True, slots=True)
class Discovery:
    """Which modules could not be imported, so that their schedules are not known."""

    failed: dict[str, Exception] = field(default_factory=dict)
    """Of the project, and of other packages where it is no ImportError."""

    left_out: dict[str, Exception] = field(default_factory=dict)
    """Of other packages, which may want one that is not installed, such as Celery."""


def discover() -> Discovery:
    """Imports the modules `tasks` and `schedules` of all installed apps."""
    found = Discovery()
    for spec in _modules():
        try:
            import_module(spec.name)
        except Exception as error:  # noqa: BLE001 - whatever importing somebody's module raises
            is_optional = isinstance(error, ImportError) and bool(INSTALLED & set(Path(spec.origin or "").parts))
            (found.left_out if is_optional else found.failed)[spec.name] = error
    return found


def _modules() -> Iterator[ModuleSpec]:
    for config in apps.get_app_configs():
        for name in MODULES:
            # An app may be a module, which has no modules of its own.
            if not module_has_submodule(config.module, name):
                continue
            if (spec := find_spec(f"{config.name}.{name}")) is not None:
                yield spec
