"""System checks of the settings, which `manage.py check` runs. They need no cluster; `deploy_checks` do."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Final

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from django_tasks_kubernetes.conf import KNOWN, Enqueue, is_path, problems_of
from django_tasks_kubernetes.enqueue.delivery import delivery_for
from django_tasks_kubernetes.enqueue.validation import queue_name_problem
from djangotasks_api.bounds import BACKEND_ALIAS_MAX_CHARS

# Of the framework as it was before Django had it, where this was the default.
BACKPORTS_ON_COMMIT: Final = "ENQUEUE_ON_COMMIT"


def check_settings(
    alias: str,
    options: Mapping[str, Any],
    queues: Iterable[Any],
    *,
    in_cluster: bool = True,
    keys: Iterable[Any] = (),
) -> Iterator[CheckMessage]:
    """Checks an entry of TASKS: E001 options, E002 queues, E003 alias, E004 a missing package, E005 no table,
    E006 a missing function. `keys`: of the entry itself."""
    where = f"TASKS[{alias!r}]"
    for problem in [*_misplaced(keys, where), *problems_of(options)]:
        yield Error(problem, hint=f"Correct {where}['OPTIONS'].", obj=where, id="djangotasks.E001")
    for queue in sorted(queues, key=str):
        if unfit := queue_name_problem(queue):
            yield Error(unfit, hint=f"Rename it in {where}['QUEUES'].", obj=where, id="djangotasks.E002")
    if not 0 < len(alias) <= BACKEND_ALIAS_MAX_CHARS:
        yield Error(
            f"The alias must have 1 to {BACKEND_ALIAS_MAX_CHARS} characters.",
            hint="Rename it in TASKS.",
            obj=where,
            id="djangotasks.E003",
        )
    if not in_cluster:
        return
    if (missing := _missing_function(options.get("ADMIN_HIDE"))) is not None:
        yield Error(missing, hint=f"Correct {where}['OPTIONS'].", obj=where, id="djangotasks.E006")
    if (without := _without_table(options)) and not apps.is_installed("django_tasks_kubernetes"):
        yield Error(
            without,
            hint="Add 'django_tasks_kubernetes' to INSTALLED_APPS, and run manage.py migrate.",
            obj=where,
            id="djangotasks.E005",
        )
    if find_spec("kubernetes") is None:
        yield Error(
            "The package kubernetes is not installed.",
            hint="Install it: pip install kubernetes.",
            obj=where,
            id="djangotasks.E004",
        )


def _misplaced(keys: Iterable[Any], where: str) -> Iterator[str]:
    """What is beside OPTIONS, where nobody reads it: tasks would go to another namespace, or before the commit."""
    for key in keys:
        if key in KNOWN:
            yield f"{key} has no effect in {where}: it is one of its OPTIONS."
        elif key == BACKPORTS_ON_COMMIT:
            yield f"{key} has no effect in {where}: set ENQUEUE in its OPTIONS, to 'on_commit' or 'outbox'."


def _missing_function(hide: Any) -> str | None:
    """What is wrong with ADMIN_HIDE where it is a path: without the function, the admin would show nothing."""
    if not isinstance(hide, str) or not is_path(hide):
        return None
    try:
        function = import_string(hide)
    except ImportError as error:
        return f"ADMIN_HIDE is the path of a function that is not found: {error}. For a regular expression write [.]."
    return None if callable(function) else f"ADMIN_HIDE must lead to a function, and {hide} is {function!r}."


def _without_table(options: Mapping[str, Any]) -> str:
    """What needs a table of this app."""
    if any(options.get("ENQUEUE") == mode and delivery_for(mode).needs_app for mode in Enqueue):
        return "ENQUEUE is outbox, and the outbox has no table."
    return "HISTORY_DAYS is set, and the history has no table." if options.get("HISTORY_DAYS") is not None else ""
