"""Django's settings for a web process with the admin: where things are comes from the environment."""

import json
import os

from tests.unit.settings import *  # noqa: F403
from tests.unit.settings import INSTALLED_APPS as ADMIN_APPS

INSTALLED_APPS = [*ADMIN_APPS, "tests.support.probes_app.ProbesConfig"]
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
if port := os.environ.get("DATABASE_PORT"):
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "PORT": port,
            "NAME": "shop",
            "USER": "shop",
            "PASSWORD": os.environ["DATABASE_PASSWORD"],
        }
    }
TASKS = {
    "default": {
        "BACKEND": "django_tasks_kubernetes.KubernetesBackend",
        "QUEUES": [],
        "OPTIONS": json.loads(os.environ["OPTIONS"]),
    }
}
