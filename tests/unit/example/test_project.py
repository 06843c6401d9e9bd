"""The project as a process of its own, as it runs in a pod, but without a database."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "example"
RENDER = """
from datetime import UTC, datetime
from decimal import Decimal
from django.template.loader import render_to_string
from shop.models import Order
order = Order(number="A1", customer="Zoë & Søn", amount=Decimal("1234.5"), placed_at=datetime(2026, 3, 9, tzinfo=UTC))
print(render_to_string("shop/receipt.txt", {"order": order}))
"""


def manage(*arguments: str, warnings: str = "error") -> str:
    command = [sys.executable, "-W", warnings, "manage.py", *arguments]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings"}
    done = subprocess.run(command, cwd=EXAMPLE, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    for name in ("DATABASE_HOST", "POSTGRES_SERVICE_HOST", "SMTP_HOST", "SMTP_SERVICE_HOST", "SMTP_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(EXAMPLE / "shop" / "settings.py"))


def test_the_receipt_is_plain_text_with_the_order_in_it() -> None:
    text = manage("shell", "--no-imports", "-c", RENDER)
    assert "Dear Zoë & Søn," in text
    assert "your order A1 of 9 March 2026." in text
    assert "Total: 1234.50 EUR" in text


@pytest.mark.parametrize(
    ("environment", "database", "smtp"),
    [
        ({}, "", "localhost"),
        ({"POSTGRES_SERVICE_HOST": "10.0.0.1", "SMTP_SERVICE_HOST": "10.0.0.2"}, "10.0.0.1", "10.0.0.2"),
        ({"POSTGRES_SERVICE_HOST": "10.0.0.1", "DATABASE_HOST": "db.example.com"}, "db.example.com", "localhost"),
        ({"SMTP_SERVICE_HOST": "10.0.0.2", "SMTP_HOST": "mail.example.com"}, "", "mail.example.com"),
    ],
)
def test_addresses_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], database: str, smtp: str
) -> None:
    found = settings(monkeypatch, **environment)
    assert found["DATABASES"]["default"]["HOST"] == database
    assert found["MAILERS"]["default"]["OPTIONS"]["host"] == smtp


def test_the_variables_that_a_service_called_smtp_adds_are_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, SMTP_PORT="tcp://10.0.0.2:25", SMTP_SERVICE_PORT="2525")
    assert found["MAILERS"]["default"]["OPTIONS"]["port"] == 2525


def test_the_system_checks_find_nothing() -> None:
    assert "no issues" in manage("check")


def test_the_migrations_are_complete() -> None:
    # It warns that there is no database to compare with.
    assert "No changes detected" in manage("makemigrations", "--check", "--dry-run", warnings="default")
