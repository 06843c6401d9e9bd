"""python manage.py monthly_report 2026-10: enqueues the workflow of that month, prints its id."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ...statements import monthly_report


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", help="such as 2026-10")

    def handle(self, *args: Any, month: str, **options: Any) -> None:
        self.stdout.write(monthly_report.enqueue(month).id)
