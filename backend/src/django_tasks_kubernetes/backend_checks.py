"""System checks of which backends TASKS names. With the app in INSTALLED_APPS.

Light, since task pods import it with the app.
"""

from collections.abc import Iterator
from typing import Any

from django.core import checks

from django_tasks_kubernetes.bytecode import REMEDY, SLOW, is_compiled


def check_options_known(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Warns where TASKS names a backend of Django's, and none that knows the options of tasks (W001)."""
    from django.tasks import task_backends
    from django.tasks.backends.dummy import DummyBackend
    from django.tasks.backends.immediate import ImmediateBackend

    from django_tasks_kubernetes.task import KubernetesTask

    backends = task_backends.all()
    if any(issubclass(backend.task_class, KubernetesTask) for backend in backends):
        return
    for backend in backends:
        if isinstance(backend, (DummyBackend, ImmediateBackend)):
            yield checks.Warning(
                f"Options of tasks, such as retry, have no effect under {type(backend).__name__}, and raise TypeError "
                "with Django's own decorator: @task(retry=…), using(timeout=…).",
                hint=(
                    "Use 'django_tasks_kubernetes.LocalBackend' in development and tests. Or keep this backend, and "
                    "import the decorator from django_tasks_kubernetes.decorators."
                ),
                obj=f"TASKS[{backend.alias!r}]",
                id="djangotasks.W001",
            )


def check_no_local_backend(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Warns of backends that run tasks within the requests of a web app, and, where none runs them in a cluster, of
    Django's own, one of which is there without TASKS (W002). With --deploy."""
    from django.tasks import task_backends
    from django.tasks.backends.dummy import DummyBackend
    from django.tasks.backends.immediate import ImmediateBackend

    from django_tasks_kubernetes.backend import KubernetesBackend

    has_cluster = in_cluster()
    for backend in task_backends.all():
        if isinstance(backend, DummyBackend):
            what = "runs no tasks"
        elif isinstance(backend, (KubernetesBackend, ImmediateBackend)):
            what = "runs tasks within enqueue(), in the process that calls it"
        else:
            continue
        wanted = backend.in_cluster if isinstance(backend, KubernetesBackend) else has_cluster
        if not wanted:
            yield checks.Warning(
                f"{type(backend).__name__} {what}.",
                hint="Deploy with 'django_tasks_kubernetes.KubernetesBackend' as the BACKEND in TASKS.",
                obj=f"TASKS[{backend.alias!r}]",
                id="djangotasks.W002",
            )


def in_cluster() -> bool:
    """Whether a backend in TASKS runs its tasks as pods."""
    from django.tasks import task_backends

    from django_tasks_kubernetes.backend import KubernetesBackend

    return any(isinstance(backend, KubernetesBackend) and backend.in_cluster for backend in task_backends.all())


def check_no_database_in_a_file(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Warns of databases that are files: what a task writes would end with its pod (W005). With --deploy, and of no
    tag: tasks may need no database."""
    from django.db import connections

    if not in_cluster():
        return
    for alias in connections:
        if connections[alias].vendor == "sqlite":
            yield checks.Warning(
                "SQLite is a file of each container: a task's pod has another one than the web app, and what the task "
                "writes ends with it, while the task succeeds.",
                hint="Use a database server, such as PostgreSQL, where tasks are to read or write it.",
                obj=f"DATABASES[{alias!r}]",
                id="djangotasks.W005",
            )


def check_bytecode(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Says that the packages of this image have no bytecode (I004). With --deploy, and of no tag."""
    if in_cluster() and not is_compiled():
        yield checks.Info(f"{SLOW} Each task is a process.", hint=REMEDY, id="djangotasks.I004")
