"""The system check of the outbox's table: `manage.py check --deploy --database default`.

With the app in INSTALLED_APPS. Light, since task pods import it with the app.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import DatabaseError, connections

from django_tasks_kubernetes.conf import Enqueue, problems_of

APP = "django_tasks_kubernetes"


def check_tables(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Say which migrations are missing where enqueue() would write (E005)."""
    from django.tasks import task_backends

    from django_tasks_kubernetes.backend import KubernetesBackend

    for backend in task_backends.all():
        if not isinstance(backend, KubernetesBackend) or list(problems_of(backend.options)):
            continue
        options = backend.parsed_options
        if options.enqueue is Enqueue.OUTBOX and options.database in (databases or ()):
            yield from _check_table(options.database, f"TASKS[{backend.alias!r}]")


def _check_table(database: str, where: str) -> Iterator[CheckMessage]:
    from django_tasks_kubernetes.models import OutboxTask

    try:
        missing = _missing_migrations(database)
        if not missing and OutboxTask._meta.db_table not in connections[database].introspection.table_names():
            missing = ["the table"]
    except DatabaseError as error:
        problem, hint = f"ENQUEUE is outbox, and its database {database!r} does not answer: {error}", None
    else:
        if not missing:
            return
        problem = f"ENQUEUE is outbox, and its database {database!r} has not all of its table: {', '.join(missing)}."
        hint = f"Run manage.py migrate {APP} --database {database}."
    yield Error(problem, hint=hint, obj=where, id="djangotasks.E005")


def _missing_migrations(database: str) -> list[str]:
    """The names of the app's migrations that were not applied; none where the project has turned migrations off."""
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connections[database])
    if APP in loader.unmigrated_apps:
        return []
    missing = loader.graph.nodes.keys() - loader.applied_migrations.keys()
    return sorted(name for app, name in missing if app == APP)
