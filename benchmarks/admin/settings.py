"""A project with Django's admin, a table, and tasks in several namespaces. What differs comes from the environment."""

from __future__ import annotations

import json
import os
from typing import Any

SECRET_KEY = "for benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_tasks_kubernetes",
    "benchmarks.admin.baseline",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "benchmarks.admin.urls"
STATIC_URL = "/static/"
TIME_ZONE = "Europe/Berlin"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
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
