"""The system check of the outbox's table: with --deploy and --database."""

from __future__ import annotations

import pytest
from django.core import checks
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.table_checks import check_tables
from tests.unit.backend.test_checks import settings

pytestmark = pytest.mark.django_db
APP = "django_tasks_kubernetes"


def found(databases: list[str] | None = None) -> list[tuple[str | None, str, str | None]]:
    with settings(OPTIONS={"ENQUEUE": "outbox"}):
        said = check_tables(databases=["default"] if databases is None else databases)
        return [(message.id, str(message.msg), message.hint) for message in said]


def test_a_database_that_was_migrated_passes() -> None:
    assert found() == []


def test_migrations_that_were_not_applied_are_named() -> None:
    MigrationRecorder(connection).record_unapplied(APP, "0002_admin")
    assert found() == [
        (
            "djangotasks.E005",
            "ENQUEUE is outbox, and its database 'default' has not all of its table: 0002_admin.",
            "Run manage.py migrate django_tasks_kubernetes --database default.",
        )
    ]
    assert found([]) == [], "no database is asked without --database"


def test_it_does_not_keep_migrate_from_making_the_table() -> None:
    MigrationRecorder(connection).record_unapplied(APP, "0002_admin")
    assert found()
    with settings(OPTIONS={"ENQUEUE": "outbox"}):
        # As `migrate` does, which stops at an error.
        assert checks.run_checks(databases=["default"]) == []


def test_a_table_that_is_not_there_is_noticed_whatever_the_migrations_say() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {OutboxTask._meta.db_table}")
    ((_, message, _),) = found()
    assert message.endswith("has not all of its table: the table.")


def test_a_database_that_nothing_is_enqueued_to_needs_no_table() -> None:
    MigrationRecorder(connection).record_unapplied(APP, "0001_initial")
    with settings(OPTIONS={"ENQUEUE": "immediate"}):
        assert list(check_tables(databases=["default"])) == []
