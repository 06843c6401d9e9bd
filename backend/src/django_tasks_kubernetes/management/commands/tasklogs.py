"""manage.py tasklogs: `manage.py tasks logs`, for who types it often."""

from typing import Any

from django.core.management.base import CommandParser

from django_tasks_kubernetes.cli.verbs import EXIT_CODES
from django_tasks_kubernetes.management.commands import tasks


class Command(tasks.Command):
    help = "Shows the log of a task, as `manage.py tasks logs` does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXIT_CODES
        tasks.add_log_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **(options | {"verb": "logs"}))
