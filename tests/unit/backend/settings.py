"""Django's settings for these tests, here and in the runner's processes."""

import os
import tempfile
from pathlib import Path

SECRET_KEY = "not a secret"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
INSTALLED_APPS = ["django_tasks_kubernetes"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        # It need not survive this machine: nothing waits for a disk.
        "OPTIONS": {"init_command": "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY;"},
        # A file, which threads share, and whose connections can be closed.
        "TEST": {"NAME": str(Path(tempfile.gettempdir(), f"djangotasks-unit-{os.getpid()}.sqlite3"))},
    }
}
TASKS = {
    "default": {
        "BACKEND": "django_tasks_kubernetes.KubernetesBackend",
        "QUEUES": ["default", "mail"],
        # A closed port: no unit test asks a cluster.
        "OPTIONS": {"NAMESPACE": "unit"},
    }
}
