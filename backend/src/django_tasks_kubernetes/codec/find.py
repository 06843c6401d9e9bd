"""Find what a dotted path of a resource leads to here.

A path may be anybody's word who may create DjangoTasks, and an import runs code. So only modules of the project are
imported; what other code compares a class with, is imported already.
"""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

from django.apps import apps
from django.conf import settings

REMEDY: Final = "add it to INSTALLED_APPS if it is an app of yours, or import it in an AppConfig.ready()"
# While Django was set up, as in each process of the project.
_imported_early: set[str] = set()


def note_import(module: str) -> None:
    """Note that the module is being imported. To be called for modules with tasks."""
    if not apps.ready:
        _imported_early.add(module)


def is_found_elsewhere(module: str) -> bool:
    """Whether other processes of the project find what is in the module: it is the project's, or imported as Django is
    set up."""
    return module in _imported_early or _is_projects(module)


def find(path: str) -> Any:
    """The object, which may be in a class. Raises ImportError, or whatever the import of the project's module does."""
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        module = _module(".".join(parts[:end]))
        if module is None:
            continue
        found: Any = module
        for name in parts[end:]:
            if not hasattr(found, name):
                raise ImportError(f'Module "{module.__name__}" does not define a "{".".join(parts[end:])}"')
            found = getattr(found, name)
        return found
    raise ImportError(_why_not(parts[0]))


def _module(name: str) -> ModuleType | None:
    if name in sys.modules or not _is_projects(name):
        return sys.modules.get(name)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # A class in place of a module, or a module that is not there. Not one that the module wants.
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise


def _is_projects(name: str) -> bool:
    """In the package of an installed app, of the settings, or of the URLconf; and not a program."""
    # Not settings.SETTINGS_MODULE, which override_settings() hides.
    homes = {os.environ.get("DJANGO_SETTINGS_MODULE"), getattr(settings, "ROOT_URLCONF", None)}
    homes |= {config.name for config in apps.get_app_configs()}
    return name.partition(".")[0] in {home.partition(".")[0] for home in homes if home} and "__main__" not in name


def _why_not(package: str) -> str:
    try:
        exists = package in sys.modules or find_spec(package) is not None
    except (ImportError, ValueError):
        exists = False
    if not exists:
        return f"No module named {package!r}"
    return f"it is in none of the project's packages, and not imported yet: {REMEDY}"
