"""manage.py watch_tasks: calls receivers when tasks end, also for ends that no pod can report."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.exceptions import KubernetesBackendError
from django_tasks_kubernetes.management.arguments import add_database, seconds
from django_tasks_kubernetes.management.backends import kubernetes_backends
from django_tasks_kubernetes.management.tables import check_tables
from django_tasks_kubernetes.models import TaskEnd, TaskHistory
from django_tasks_kubernetes.notify import inbox
from django_tasks_kubernetes.notify.loop import NotifyLoop, Unrecoverable, has_receivers, keeps_history
from django_tasks_kubernetes.watchdog import HANG_SECONDS, Watchdog


class Command(BaseCommand):
    help = (
        "Sends the signals task_ended, task_attempt_failed and workflow_ended of django_tasks_kubernetes.signals: how "
        "tasks and workflows ended, also by a lack of memory, a lost node, or a cancellation. Keeps the history, where "
        "OPTIONS['HISTORY_DAYS'] is set. Runs until SIGTERM. Several may run at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--once", action="store_true", help="dispatch pending ends, and exit; with 1 if some are left")
        how.add_argument(
            "--from-now", action="store_true", help="mark all ends so far as dispatched, call no receiver, and exit"
        )
        parser.add_argument("--again", action="store_true", help="retry dead letters")
        parser.add_argument(
            "--task-finished",
            action="store_true",
            help="send Django's task_finished too, for ends that no pod has reported: for monitors of tasks",
        )
        parser.add_argument("--backend", metavar="ALIAS", help="only this backend in TASKS (default: all)")
        add_database(parser, "the alias of the database with the table of ends")
        parser.add_argument(
            "--hang-seconds",
            type=seconds,
            default=HANG_SECONDS,
            help="exit with 1 when one step, such as the receivers of one end, takes longer than this; 0: never "
            f"(default: {HANG_SECONDS:g})",
        )

    def handle(
        self,
        *args: Any,
        once: bool,
        from_now: bool,
        again: bool,
        task_finished: bool,
        backend: str | None,
        database: str,
        hang_seconds: float,
        **options: Any,
    ) -> None:
        if task_finished:
            signals.task_ended.connect(signals.send_task_finished)
        try:
            check_tables(database, TaskEnd, TaskHistory)
            if again:
                self.stdout.write(f"{inbox.requeue_dead_letters(database)} dead letters are retried")
            with Watchdog(hang_seconds) as watchdog:
                loop = NotifyLoop(kubernetes_backends(backend), database, watchdog)
                if not has_receivers(loop.backends) and not keeps_history(loop.backends):
                    self.stderr.write(
                        "No receiver of task_ended, task_attempt_failed or workflow_ended is connected, so there is "
                        "nothing to call. Connect receivers where Django is set up, as in AppConfig.ready()."
                    )
                if once or from_now:
                    if not loop.once(skip=from_now):
                        raise SystemExit(1)
                else:
                    self.stdout.write(f"watching {', '.join(follower.what for follower in loop.followers)}")
                    loop.run()
        except (KubernetesBackendError, Unrecoverable, Error) as error:
            raise CommandError(str(error)) from error
