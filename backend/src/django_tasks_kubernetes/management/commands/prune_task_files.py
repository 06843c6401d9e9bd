"""manage.py prune_task_files: deletes the files of tasks that are gone from OPTIONS["STORAGE"]."""

import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connections

from django_tasks_kubernetes.exceptions import KubernetesBackendError
from django_tasks_kubernetes.management.arguments import add_database, seconds
from django_tasks_kubernetes.models import TaskEnd
from django_tasks_kubernetes.notify import inbox
from django_tasks_kubernetes.prune import GRACE, prune

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Deletes the files of large arguments and return values (OPTIONS['STORAGE']) whose tasks are gone. "
        "Run it now and then; several may run at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="delete nothing, and list what would be deleted")
        parser.add_argument(
            "--grace",
            type=seconds,
            default=GRACE.total_seconds(),
            metavar="SECONDS",
            help="leave files alone that are younger: their tasks may be about to be created (default: %(default).0f)",
        )
        add_database(parser, "the alias of the database with the table of ends: receivers may yet read some files")

    def handle(self, *args: Any, dry_run: bool, grace: float, database: str, verbosity: int, **options: Any) -> None:
        try:
            done = prune(grace=timedelta(seconds=grace), dry_run=dry_run, awaited=partial(_awaited, database))
        except KubernetesBackendError as error:
            raise CommandError(f"Not all done: {error}") from error
        for alias, name in done.deleted if dry_run or verbosity > 1 else ():
            self.stdout.write(f"{alias}: {name}")
        self.stdout.write(f"{'would delete' if dry_run else 'deleted'} {len(done.deleted)}, kept {done.kept}")
        if done.failed:
            raise CommandError(f"{len(done.failed)} files could not be deleted: the log says why.")


def _awaited(database: str) -> set[str]:
    """No names where there is no such table: a project may have a storage, and no receivers. None either where no
    database answers: this may run in a place that has none."""
    try:
        known = TaskEnd._meta.db_table in connections[database].introspection.table_names()
        return inbox.undispatched_tasks(database) if known else set()
    except ImproperlyConfigured:
        return set()
    except Error as error:
        logger.warning("The database %r does not say which files receivers may yet read: %s", database, error)
        return set()
