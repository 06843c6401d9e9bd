"""Settings: what differs between places comes from the environment.

Kubernetes gives every pod the address of each Service in its namespace, such as POSTGRES_SERVICE_HOST for
the Service `postgres`; DATABASE_HOST and SMTP_HOST say where else to look. (A Service also sets variables
like SMTP_PORT=tcp://10.0.0.1:25, so settings of one's own must not be named after a Service's port.)
"""

import os
from typing import Any

import django

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")

# django_tasks_kubernetes adds checks: `manage.py check --deploy --tag tasks --database default` asks the cluster whether tasks will run.
INSTALLED_APPS = ["django.contrib.sessions", "django_tasks_kubernetes", "shop"]
# No view trusts a cookie, so nothing here needs the CSRF middleware: a shop with logins does.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
# With ADMIN=on, Django's admin, where tasks are watched and managed: docs/how-to/admin.md. The Deployment of k8s/admin.yaml
# has it; the web part, and the tasks that follow its Deployment, do without its imports.
if os.environ.get("ADMIN") == "on":
    INSTALLED_APPS = [
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        *INSTALLED_APPS,
    ]
    MIDDLEWARE += [
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    TEMPLATES[0]["OPTIONS"] = {
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]
    }
    STATIC_URL = "/static/"

TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The queues are DjangoTaskQueues in the cluster: see k8s/queues.yaml.
TASKS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django_tasks_kubernetes.KubernetesBackend",
        "QUEUES": ["default", "reports", "mail"],
    }
}

# A task's pod ends with its task, so there is no connection to keep: CONN_MAX_AGE stays 0.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("DATABASE_HOST") or os.environ.get("POSTGRES_SERVICE_HOST", ""),
        "PORT": os.environ.get("DATABASE_PORT") or os.environ.get("POSTGRES_SERVICE_PORT", "5432"),
        "NAME": os.environ.get("DATABASE_NAME", "shop"),
        "USER": os.environ.get("DATABASE_USER", "shop"),
        "PASSWORD": os.environ.get("DATABASE_PASSWORD", ""),
    }
}

# Tasks run in other pods than the web process: files must be where all of them see them.
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "shop.storage.DatabaseStorage"},
    # Of the admin's style sheets and scripts.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# Arguments and return values that are too large for a DjangoTask: in a bucket (boto3 takes keys, region and endpoint from
# AWS_… variables), or in a folder of a volume that web and task pods share.
if bucket := os.environ.get("TASKS_BUCKET"):
    STORAGES["tasks"] = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"bucket_name": bucket}}
elif folder := os.environ.get("TASKS_FOLDER"):
    STORAGES["tasks"] = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder}}
options = TASKS["default"].setdefault("OPTIONS", {})
if "tasks" in STORAGES:
    options["STORAGE"] = "tasks"

# When a task is created: immediate, on_commit or outbox. The last one needs a relay: `manage.py relay_tasks`.
if mode := os.environ.get("TASKS_ENQUEUE"):
    options["ENQUEUE"] = mode

# With LOG_FORMAT=json, each line is an object; in a task's pod, with the id, path, attempt and queue of the task.
if os.environ.get("LOG_FORMAT") == "json":
    LOGGING = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
                "rename_fields": {
                    "djangotask_id": "task_id",
                    "djangotask_path": "task",
                    "djangotask_attempt": "attempt",
                    "djangotask_queue": "queue",
                },
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": "INFO"},
    }

DEFAULT_FROM_EMAIL = "shop@example.com"
_smtp = {
    "host": os.environ.get("SMTP_HOST") or os.environ.get("SMTP_SERVICE_HOST", "localhost"),
    "port": int(os.environ.get("SMTP_SERVICE_PORT", "25")),
    "timeout": 10,
}
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": _smtp}}
else:
    EMAIL_HOST, EMAIL_PORT, EMAIL_TIMEOUT = _smtp["host"], _smtp["port"], _smtp["timeout"]
