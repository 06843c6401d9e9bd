"""python manage.py demo_data: orders, a large CSV, expired sessions and an old report. Makes what is missing."""

import tempfile
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.sessions.models import Session
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand
from django.utils import timezone

from ...maintenance import KEEP_REPORTS
from ...models import Order, Report
from ...sample import COUNTRIES, orders_csv

ORDERS = 24
# From this one on they are of one month, which has some customers then.
OCTOBER_FROM = 21
SESSIONS = 50


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, default=200_000, help="rows of the CSV (default: %(default)s)")

    def handle(self, *args: Any, rows: int, **options: Any) -> None:
        Order.objects.bulk_create([_order(n) for n in range(1, ORDERS + 1)], ignore_conflicts=True)
        name = save_csv(rows)
        expired = timezone.now() - timedelta(days=1)
        Session.objects.bulk_create(
            [Session(session_key=f"demo-expired-{n}", session_data="", expire_date=expired) for n in range(SESSIONS)],
            ignore_conflicts=True,
        )
        old = timezone.now() - KEEP_REPORTS - timedelta(days=1)
        if not Report.objects.filter(created_at__lt=old).exists():
            Report.objects.create(source=ContentFile("".join(orders_csv(10)).encode(), "old.csv"), created_at=old)
        self.stdout.write(f"{ORDERS} orders, {SESSIONS} expired sessions, 1 old report, {rows:,} rows in {name}")


def _order(n: int) -> Order:
    return Order(
        number=f"A{n:08}",
        customer=f"Customer {n}",
        email=f"customer-{n}@example.com",
        country=COUNTRIES[n % len(COUNTRIES)],
        amount=Decimal(n * 1999) / 100,
        placed_at=datetime(2026, 1 + n % 12 if n < OCTOBER_FROM else 10, 1 + n % 28, 12, tzinfo=UTC),
    )


def save_csv(rows: int) -> str:
    """Stores the export, unless it is there, and returns its name."""
    name = f"samples/orders-{rows}.csv"
    if not default_storage.exists(name):
        with tempfile.TemporaryFile() as file:
            file.writelines(line.encode() for line in orders_csv(rows))
            default_storage.save(name, File(file))
    return name
