"""What Django's admin imports in a process that shows no page, as a task's pod is one."""

import os
import subprocess
import sys

SCRIPT = """
import sys
import django
django.setup()
from django.contrib import admin
from django_tasks_kubernetes.models import Task
assert admin.site.is_registered(Task)
print(*sorted(name for name in sys.modules if name.startswith(("django_tasks_kubernetes", "kubernetes", "urllib3"))))
"""
# What the admin itself needs, and the app.
FEW = {
    "admin", "admin.base", "admin.ends", "admin.history", "admin.outbox", "admin.queues", "admin.schedules",
    "admin.table_admin", "admin.tasks", "admin.workflows", "apps", "models",
}  # fmt: skip


def test_no_page_is_imported_and_nothing_that_asks_a_cluster() -> None:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.unit.settings"}
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    assert not {name for name in imported if name.startswith(("kubernetes", "urllib3"))}
    of_admin = {name.removeprefix("django_tasks_kubernetes.") for name in imported if ".admin" in name}
    assert of_admin <= FEW
    assert "django_tasks_kubernetes.backend" not in imported
    assert "django_tasks_kubernetes.kube" not in imported
