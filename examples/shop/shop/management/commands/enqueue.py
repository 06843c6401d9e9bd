"""python manage.py enqueue shop.probes.add 1 2: enqueues a task with arguments in JSON, prints the result's id."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.tasks import Task
from django.utils.module_loading import import_string


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("task", help="the task's dotted path")
        parser.add_argument("args", nargs="*", type=json.loads, help="its arguments, each in JSON")
        parser.add_argument("--queue", help="the queue (default: the task's own)")

    def handle(self, *args: Any, task: str, queue: str | None, **options: Any) -> None:
        found = import_string(task)
        if not isinstance(found, Task):
            raise CommandError(f"{task} is not a task")
        self.stdout.write(found.using(queue_name=queue).enqueue(*args).id)
