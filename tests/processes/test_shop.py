"""The example project, as it runs in a pod, but without a database."""

import os
import subprocess
import sys

import pytest

from tools.cluster.images import ROOT

EXAMPLE = ROOT / "examples" / "shop"
SCRIPT = """
import warnings
from datetime import UTC, datetime
from decimal import Decimal
from django.core.management import call_command
from django.template.loader import render_to_string
from shop.models import Order
order = Order(number="A1", customer="Zoë & Søn", amount=Decimal("1234.5"), placed_at=datetime(2026, 3, 9, tzinfo=UTC))
print(render_to_string("shop/receipt.txt", {"order": order}))
print("-----")
call_command("check")
print("-----")
# It warns that there is no database to compare with.
warnings.simplefilter("default")
call_command("makemigrations", check_changes=True, dry_run=True)
"""


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """What one process prints of each: the receipt, the checks, the migrations."""
    command = [sys.executable, "-W", "error", "manage.py", "shell", "--no-imports", "-c", SCRIPT]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings"}
    done = subprocess.run(command, cwd=EXAMPLE, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.split("-----\n")


def test_the_receipt_is_plain_text_with_the_order_in_it(printed: list[str]) -> None:
    text = printed[0]
    assert "Dear Zoë & Søn," in text
    assert "your order A1 of 9 March 2026." in text
    assert "Total: 1234.50 EUR" in text


def test_the_system_checks_find_nothing(printed: list[str]) -> None:
    assert "no issues" in printed[1]


def test_the_admin_has_the_tasks() -> None:
    script = (
        "from django.core.management import call_command; call_command('check');"
        "from django.urls import reverse; print(reverse('admin:django_tasks_kubernetes_task_changelist'))"
    )
    command = [sys.executable, "-W", "error", "manage.py", "shell", "--no-imports", "-c", script]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "ADMIN": "on"}
    done = subprocess.run(command, cwd=EXAMPLE, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.stdout.splitlines()[-1:] == ["/admin/django_tasks_kubernetes/task/"], done.stderr


def test_the_migrations_are_complete(printed: list[str]) -> None:
    assert "No changes detected" in printed[2]
