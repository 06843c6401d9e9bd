"""The example's monthly report, run by in_memory() on a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tools.cluster.images import ROOT

EXAMPLE = ROOT / "examples" / "shop"
SETTINGS = """
from shop.settings import *

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
"""
SCRIPT = """
import json
from datetime import UTC, datetime
from django.core import mail
from django.core.files.storage import default_storage
from django.core.management import call_command
from django_tasks_kubernetes.testing import in_memory
from shop.models import Order
from shop.statements import monthly_report

call_command("migrate", verbosity=0)
call_command("demo_data", rows=10, verbosity=0)

def made():
    with in_memory() as cluster:
        result = monthly_report.enqueue("2026-10")
        cluster.run_pending()
        result.refresh()
        return {
            "phase": result.phase,
            "message": result.message,
            "phases": {name: step.phase for name, step in result.steps.items()},
            "value": result.return_value if result.phase == "Succeeded" else None,
            "mails": [one.subject for one in getattr(mail, "outbox", ())],
            "draft": default_storage.exists("statements/2026-10.txt.draft"),
        }

good = made()
text = default_storage.open("statements/2026-10.txt").read().decode()
Order.objects.create(number="N1", customer="Nobody", country="DE", amount=1, placed_at=datetime(2026, 10, 2, tzinfo=UTC))
print(json.dumps([good, text, made()]))
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What became of a month, the file of it, and what became of it with a customer who has no address."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "in_memory_shop.py").write_text(SETTINGS)
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "in_memory_shop",
        "PYTHONPATH": os.pathsep.join([str(folder), str(EXAMPLE)]),
    }
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", SCRIPT]
    done = subprocess.run(command, cwd=EXAMPLE, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def test_all_statements_are_gathered_in_order(printed: Any) -> None:
    good, text, _ = printed
    assert (good["phase"], good["mails"], good["draft"]) == ("Succeeded", [], False)
    assert good["value"] == {"statements": 5, "total": "1979.01", "file": "statements/2026-10.txt"}
    assert [part.splitlines()[0] for part in text.split("\n\n")] == [f"Customer {n}" for n in (21, 22, 23, 24, 9)]
    assert good["phases"]["alert"] == "Skipped"


def test_a_failure_alerts_and_is_cleaned_up(printed: Any) -> None:
    _, _, bad = printed
    assert (bad["phase"], bad["draft"]) == ("Failed", False)
    assert "Nobody has no e-mail address: N1" in bad["message"]
    assert bad["mails"] == ["No monthly report for 2026-10"]
    assert bad["phases"] == {
        "customers": "Succeeded",
        "statement": "Failed",
        "publish": "Skipped",
        "alert": "Succeeded",
        "remove-draft": "Succeeded",
    }
