"""manage.py relay_tasks: sends what is left in the outbox, of processes that ended, or while the cluster was away."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from django_tasks_kubernetes import outbox
from django_tasks_kubernetes.daemon import HANG_SECONDS, Daemon

AWAY_MAX_SECONDS = 30.0


class Command(BaseCommand):
    help = "Sends the tasks that are left in the outbox (OPTIONS['ENQUEUE'] = 'outbox'). Several may run at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what is due now, and end; 1 if some is left")
        parser.add_argument("--interval", type=float, default=5.0, help="seconds between two looks (default: 5)")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="the alias of the outbox's database")
        parser.add_argument(
            "--hang-seconds",
            type=float,
            default=HANG_SECONDS,
            help=f"end with 1 when one step takes longer than this; 0: never (default: {HANG_SECONDS:g})",
        )

    def handle(
        self, *args: Any, once: bool, interval: float, database: str, hang_seconds: float, **options: Any
    ) -> None:
        wait = interval
        with Daemon(hang_seconds) as daemon:
            while daemon.goes_on():
                done = self._relay(database, once, daemon)
                if once:
                    if done.away is not None or done.refused or not daemon.goes_on():
                        raise SystemExit(1)
                    return
                wait = min(wait * 2, max(AWAY_MAX_SECONDS, interval)) if done.away is not None else interval
                daemon.rest(wait)

    def _relay(self, database: str, once: bool, daemon: Daemon) -> outbox.Relayed:
        try:
            done = outbox.relay(database, daemon.goes_on)
        except OperationalError as error:
            if once:
                raise
            connections[database].close()
            done = outbox.Relayed(away=f"the database does not answer: {error}")
        if done.sent or done.refused:
            self.stdout.write(f"sent {done.sent}, refused {done.refused}")
        if done.away is not None:
            self.stderr.write(f"not sent: {done.away}")
        return done
