"""manage.py watch_tasks: tells receivers how tasks ended, also those of which no pod can tell."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.tasks import task_backends

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.daemon import HANG_SECONDS, Daemon
from django_tasks_kubernetes.exceptions import KubernetesBackendError
from django_tasks_kubernetes.models import TaskEvent
from django_tasks_kubernetes.watcher import inbox
from django_tasks_kubernetes.watcher.loop import Broken, Loop, nobody_listens


class Command(BaseCommand):
    help = (
        "Sends the signals task_ended and task_attempt_failed of django_tasks_kubernetes.signals: how tasks ended, "
        "also by a lack of memory, a lost node, or because they were cancelled. Runs until told to stop. Several may "
        "run at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--once", action="store_true", help="tell of what there is, and end; 1 if something is left")
        how.add_argument(
            "--from-now", action="store_true", help="take all that has ended by now for told, call no receiver, and end"
        )
        parser.add_argument("--again", action="store_true", help="try anew what was given up")
        parser.add_argument("--backend", metavar="ALIAS", help="of this backend in TASKS alone (default: of all)")
        parser.add_argument(
            "--database", default=DEFAULT_DB_ALIAS, help="the alias of the database that notes what was told"
        )
        parser.add_argument(
            "--hang-seconds",
            type=float,
            default=HANG_SECONDS,
            help="end with 1 when one step, such as the receivers of one event, takes longer than this; 0: never "
            f"(default: {HANG_SECONDS:g})",
        )

    def handle(
        self,
        *args: Any,
        once: bool,
        from_now: bool,
        again: bool,
        backend: str | None,
        database: str,
        hang_seconds: float,
        **options: Any,
    ) -> None:
        try:
            _check_table(database)
            if again:
                self.stdout.write(f"{inbox.tell_again(database)} are tried anew")
            with Daemon(hang_seconds) as daemon:
                loop = Loop(_backends(backend), database, daemon)
                if nobody_listens(loop.backends):
                    self.stderr.write(
                        "No receiver of task_ended or task_attempt_failed is connected, so nobody will be told. "
                        "Connect them where Django is set up, as in AppConfig.ready()."
                    )
                if once or from_now:
                    if not loop.once(as_told=from_now):
                        raise SystemExit(1)
                else:
                    names = ", ".join(follower.client.namespace for follower in loop.followers)
                    self.stdout.write(f"watching the DjangoTasks of {names}")
                    loop.run()
        except (KubernetesBackendError, Broken, Error) as error:
            raise CommandError(str(error)) from error


def _backends(alias: str | None) -> list[KubernetesBackend]:
    """Raises CommandError."""
    names = list(task_backends.settings) if alias is None else [alias]
    if alias is not None and alias not in task_backends.settings:
        raise CommandError(f"TASKS has no backend {alias!r}. There are: {', '.join(task_backends.settings)}.")
    found = [backend for name in names if isinstance(backend := task_backends[name], KubernetesBackend)]
    if not found:
        raise CommandError("TASKS has no backend that runs tasks on Kubernetes" + (f" as {alias!r}." if alias else "."))
    return found


def _check_table(database: str) -> None:
    """Raises CommandError."""
    table = TaskEvent._meta.db_table
    if table not in table_names(database):
        raise CommandError(f"The database {database!r} has no table {table}. Run manage.py migrate.")


def table_names(database: str) -> list[str]:
    return connections[database].introspection.table_names()
