"""A project with Django's admin, a table, and tasks in several namespaces. What differs comes from the environment."""

from __future__ import annotations

import json
import os

from tests.support.stock_settings import *  # noqa: F403
from tests.support.stock_settings import INSTALLED_APPS as STOCK_APPS

SECRET_KEY = "for benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [*STOCK_APPS, "benchmarks.admin.baseline"]
ROOT_URLCONF = "benchmarks.admin.urls"
TIME_ZONE = "Europe/Berlin"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("BENCH_DATABASE", ":memory:")}}
# By alias, the namespace.
TASKS = {
    alias: {
        "BACKEND": "django_tasks_kubernetes.KubernetesBackend",
        "QUEUES": [],
        "OPTIONS": {"NAMESPACE": namespace, "KUBECONFIG": os.environ.get("BENCH_KUBECONFIG", "")},
    }
    for alias, namespace in json.loads(os.environ.get("BENCH_NAMESPACES", '{"default": "default"}')).items()
}
