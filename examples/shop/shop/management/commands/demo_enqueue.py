"""python manage.py demo_enqueue: the shop's three jobs, and a failure. Prints the ids of the results as JSON."""

import json
from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.crypto import get_random_string

from ...mail import send_receipt
from ...maintenance import clean_up
from ...models import Order, Report
from ...probes import fail
from ...reports import build_report
from .demo_data import save_csv


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, default=200_000, help="rows of the CSV (default: %(default)s)")

    def handle(self, *args: Any, rows: int, **options: Any) -> None:
        number = f"B{get_random_string(8, '0123456789')}"
        order = Order.objects.create(
            number=number, customer="Zoë Müller", email="zoe@example.com", country="DE", amount=Decimal("59.97")
        )
        report = Report.objects.create(source=save_csv(rows))
        ids = {
            "receipt": send_receipt.enqueue(order.pk).id,
            "report": build_report.enqueue(report.pk).id,
            "clean-up": clean_up.enqueue().id,
            "failure": fail.enqueue(order.number).id,
        }
        self.stdout.write(json.dumps(ids))
