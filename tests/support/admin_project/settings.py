"""What differs between stories comes from the environment: DATABASE is a file, NAMESPACE and KUBECONFIG lead to the
cluster, THEME is another theme of the admin: jazzmin or unfold; with TABLES there are an outbox and receivers."""

import os
from typing import Any

from tests.support.stock_settings import *  # noqa: F403
from tests.support.stock_settings import INSTALLED_APPS as STOCK_APPS

THEME = os.environ.get("THEME", "")
TABLES = os.environ.get("TABLES", "")

SECRET_KEY = "not a secret"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
INSTALLED_APPS = [
    *([THEME] if THEME else []),
    *STOCK_APPS,
    "tests.support.probes_app.ProbesConfig",
    *(["tests.support.admin_project.apps.ReceiversConfig"] if TABLES else []),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    # Other themes have scripts and styles within their pages.
    *([] if THEME else ["django.middleware.csp.ContentSecurityPolicyMiddleware"]),
]
SECURE_CSP = {"default-src": ["'self'"]}
ROOT_URLCONF = "tests.support.admin_project.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", ":memory:"),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}
TASKS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django_tasks_kubernetes.KubernetesBackend",
        "QUEUES": [],
        "OPTIONS": {
            "NAMESPACE": os.environ.get("NAMESPACE"),
            "KUBECONFIG": os.environ.get("KUBECONFIG"),
            "HISTORY_DAYS": 30,
            **({"ENQUEUE": "outbox"} if TABLES else {}),
        },
    }
}
