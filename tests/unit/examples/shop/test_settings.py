"""The settings of the example project, which are those of its environment."""

import runpy
from typing import Any

import pytest

from tools.cluster.images import ROOT

EXAMPLE = ROOT / "examples" / "shop"


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    for name in ("DATABASE_HOST", "POSTGRES_SERVICE_HOST", "SMTP_HOST", "SMTP_SERVICE_HOST", "SMTP_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(EXAMPLE / "shop" / "settings.py"))


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
