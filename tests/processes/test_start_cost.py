"""manage.py tasks start-cost, of the example project."""

import json
import os
import subprocess
import sys

from tools.cluster.images import ROOT

EXAMPLE = ROOT / "examples" / "shop"


def start_cost(*options: str) -> "subprocess.CompletedProcess[str]":
    """From another folder than manage.py's: the process that is measured must find the project all the same."""
    command = [sys.executable, str(EXAMPLE / "manage.py"), "tasks", "start-cost", "--runs", "1", *options]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "DJANGO_SECRET_KEY": "for tests"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300)


def test_parts_of_the_start_are_shown_with_what_they_cost() -> None:
    done = start_cost("--task", "shop.probes.add", "--limit", "0", "--json")
    assert done.returncode == 0, done.stderr
    *parts, total = map(json.loads, done.stdout.splitlines())
    cost = {part["part"]: part["ms"] for part in parts}
    assert list(cost.values()) == sorted(cost.values(), reverse=True)
    assert {
        "the interpreter",
        "import django",
        "import the standard library",
        "import shop",
        "settings",
        "the app registry",
        "ready() of django_tasks_kubernetes",
        "the end of the process",
    } <= cost.keys()
    assert total["part"] == "total"
    assert 0 < total["least_ms"] <= total["ms"] <= total["most_ms"]


def test_error_of_the_project_is_shown_without_the_trace() -> None:
    done = start_cost("--task", "shop.probes.no_such_task")
    assert done.returncode == 1
    assert "no_such_task" in done.stderr
    assert "import time:" not in done.stderr
    assert "start-cost:" not in done.stderr
    assert done.stdout == ""
