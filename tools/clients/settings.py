"""A project with all the packages that `make test-clients` runs."""

import os

SECRET_KEY = "not-secret"
STATIC_URL = "/static/"
USE_TZ = True
ROOT_URLCONF = "tools.clients.settings"
urlpatterns: list[object] = []
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
# In pods, which share one.
if host := os.environ.get("DATABASE_HOST"):
    password = os.environ["DATABASE_PASSWORD"]
    shared = {"ENGINE": "django.db.backends.postgresql", "HOST": host, "NAME": "shop", "USER": "shop"}
    DATABASES = {"default": shared | {"PASSWORD": password}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": PROCESSORS},
    }
]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "taggit",
    "wagtail.contrib.redirects",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.images",
    "wagtail.documents",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "tasks_monitor",
    "django_taskly",
    "maintenance_tasks",
    "overseer",
    "django_periodic_tasks",
    "django_scheduled_tasks",
    "crontask",
    "django_tasks_kubernetes",
]
TEST_RUNNER = "tools.clients.verbose.VerboseRunner"
TASKS = {"default": {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": []}}
WAGTAIL_SITE_NAME = "clients"
WAGTAILADMIN_BASE_URL = "http://localhost"
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database"}}
