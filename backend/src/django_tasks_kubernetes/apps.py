"""The app, for INSTALLED_APPS: it adds the checks of `manage.py check --deploy`. The backend works without it."""

from django.apps import AppConfig
from django.core import checks


class DjangoTasksKubernetesConfig(AppConfig):
    name = "django_tasks_kubernetes"
    verbose_name = "Tasks on Kubernetes"

    def ready(self) -> None:
        from django_tasks_kubernetes.checks import check_cluster

        checks.register(check_cluster, "tasks", deploy=True)
