"""manage.py relay_tasks: sends what is left in the outbox by processes that ended, or while the cluster was away."""

from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, Error

from django_tasks_kubernetes import databases
from django_tasks_kubernetes.management.arguments import add_database, seconds
from django_tasks_kubernetes.management.tables import check_tables
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.relay import Relayed, outbox_databases, relay
from django_tasks_kubernetes.watchdog import HANG_SECONDS, Watchdog

AWAY_MAX_SECONDS = 30.0


class Command(BaseCommand):
    help = "Sends the tasks that are left in the outbox (OPTIONS['ENQUEUE'] = 'outbox'). Several may run at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what is due, and exit; with 1 if some is left")
        parser.add_argument("--interval", type=seconds, default=5.0, help="seconds between two polls (default: 5)")
        add_database(parser, "the alias of the outbox's database (default: those of all outboxes in TASKS)", None)
        parser.add_argument(
            "--hang-seconds",
            type=seconds,
            default=HANG_SECONDS,
            help=f"exit with 1 when one step takes longer than this; 0: never (default: {HANG_SECONDS:g})",
        )

    def handle(
        self, *args: Any, once: bool, interval: float, database: str | None, hang_seconds: float, **options: Any
    ) -> None:
        wait, places = interval, [database] if database else outbox_databases() or [DEFAULT_DB_ALIAS]
        with Watchdog(hang_seconds) as watchdog:
            while watchdog.should_continue():
                done = [self._relay(place, once, watchdog) for place in places]
                if once:
                    if any(one.away or one.refused for one in done) or not watchdog.should_continue():
                        raise SystemExit(1)
                    return
                nothing = any(one.away for one in done) and not any(one.sent for one in done)
                wait = min(wait * 2, max(AWAY_MAX_SECONDS, interval)) if nothing else interval
                watchdog.sleep(wait)

    def _relay(self, database: str, once: bool, watchdog: Watchdog) -> Relayed:
        try:
            done = relay(database, watchdog.should_continue)
        except Error as error:
            with suppress(Error):
                check_tables(database, OutboxTask)
            databases.close(database)
            if once or not isinstance(error, databases.AWAY):
                raise
            done = Relayed(away={"the database": str(error)})
        if done.sent or done.refused:
            self.stdout.write(f"sent {done.sent}, refused {done.refused}")
        for place, reason in done.away.items():
            self.stderr.write(f"not sent, {place}: {reason}")
        return done
