"""Django's settings for a web process of the delivery stories: where things are comes from the environment."""

import os
from typing import Any

SECRET_KEY = "not a secret"
USE_TZ = True
INSTALLED_APPS = ["django_tasks_kubernetes", "tests.support.probes_app.ProbesConfig"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": os.environ["DATABASE_PORT"],
        "NAME": "shop",
        "USER": "shop",
        "PASSWORD": os.environ["DATABASE_PASSWORD"],
    }
}
TASKS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django_tasks_kubernetes.KubernetesBackend",
        "QUEUES": [],
        "OPTIONS": {
            "ENQUEUE": os.environ["ENQUEUE"],
            "NAMESPACE": os.environ["NAMESPACE"],
            "KUBECONFIG": os.environ["KUBECONFIG"],
            "RETRIES": 0,
        },
    }
}
if folder := os.environ.get("TASKS_FOLDER"):
    STORAGES = {"tasks": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder}}}
    TASKS["default"]["OPTIONS"]["STORAGE"] = "tasks"
