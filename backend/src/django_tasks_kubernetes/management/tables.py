"""Whether the tables that a command needs are there."""

from django.core.management.base import CommandError
from django.db import connections
from django.db.models import Model


def check_tables(database: str, *models: type[Model]) -> None:
    """Raises CommandError, which says what to do."""
    known = table_names(database)
    for model in models:
        if (table := model._meta.db_table) not in known:
            raise CommandError(f"The database {database!r} has no table {table}. Run manage.py migrate.")


def table_names(database: str) -> list[str]:
    return connections[database].introspection.table_names()
