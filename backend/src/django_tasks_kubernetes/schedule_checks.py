"""System checks of the schedules that the project declares. With the app in INSTALLED_APPS.

Light, since task pods import it with the app.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

if TYPE_CHECKING:
    from django_tasks_kubernetes.conf import Options
    from django_tasks_kubernetes.schedules.definition import Schedule


def check_schedules(**kwargs: Any) -> Iterator[CheckMessage]:
    """Checks expressions (E020), zones (E021), names (E022), tasks (E023) and options (E024), and warns of modules of
    tasks that cannot be imported (W003), and of schedules whose backend has no cluster, while another has (W004)."""
    from django_tasks_kubernetes.schedules.discover import discover
    from django_tasks_kubernetes.schedules.problems import problems_of
    from django_tasks_kubernetes.schedules.registry import declared

    for module, error in discover().failed.items():
        yield CheckWarning(
            f"{module} cannot be imported, so its schedules are not known: {type(error).__name__}: {error}",
            hint="Correct it: `manage.py schedules sync` refuses to go on without it.",
            obj=module,
            id="djangotasks.W003",
        )
    for problem in problems_of(declared, options_for):
        yield Error(problem.text, hint=problem.hint, obj=problem.where, id=problem.kind)
    for schedule in without_cluster(declared):
        alias = schedule.task.backend
        yield CheckWarning(
            f"TASKS[{alias!r}] has no cluster: nothing but `manage.py schedules loop` enqueues its tasks.",
            hint=f"Name a backend that has one: @task(backend={aliases_in_cluster()[0]!r}).",
            obj=f"Schedule {schedule.name} of {schedule.task.module_path}",
            id="djangotasks.W004",
        )


def without_cluster(schedules: "Iterable[Schedule]") -> "list[Schedule]":
    """Those that are not to be synced, since their backend has no cluster. None where no backend has: then all of the
    project is without one."""
    aliases = aliases_in_cluster()
    return [schedule for schedule in schedules if schedule.task.backend not in aliases] if aliases else []


def aliases_in_cluster() -> list[str]:
    """The backends of TASKS that have a cluster."""
    from django.tasks import task_backends

    from django_tasks_kubernetes.backend import KubernetesBackend

    return [
        alias
        for alias in task_backends.settings
        if isinstance(backend := task_backends[alias], KubernetesBackend) and backend.in_cluster
    ]


def options_for(alias: str) -> "Options":
    """The OPTIONS of a backend; the defaults where it is not one of this package, or where they are wrong."""
    from django.core.exceptions import ImproperlyConfigured
    from django.tasks import task_backends

    from django_tasks_kubernetes.backend import KubernetesBackend
    from django_tasks_kubernetes.conf import Options

    backend = task_backends[alias]
    if isinstance(backend, KubernetesBackend):
        try:
            return backend.parsed_options
        except ImproperlyConfigured:  # which is said by another check
            pass
    return Options()
