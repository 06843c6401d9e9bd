"""The app, for INSTALLED_APPS: it adds the checks of the cluster, and commands. The backend works without it."""

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class DjangoTasksKubernetesConfig(AppConfig):
    name = "django_tasks_kubernetes"
    verbose_name = _("Tasks on Kubernetes")

    def ready(self) -> None:
        from django_tasks_kubernetes.backend_checks import (
            check_bytecode,
            check_no_database_in_a_file,
            check_no_local_backend,
            check_options_known,
        )
        from django_tasks_kubernetes.deploy_checks import check_cluster
        from django_tasks_kubernetes.schedule_checks import check_schedules
        from django_tasks_kubernetes.table_checks import check_tables

        checks.register(check_options_known, "tasks")
        checks.register(check_schedules, "tasks")
        checks.register(check_no_local_backend, "tasks", deploy=True)
        checks.register(check_no_database_in_a_file, deploy=True)
        checks.register(check_bytecode, deploy=True)
        # Only with --deploy: `migrate` makes the other checks of its database first, and would not make the table.
        checks.register(check_tables, "tasks", checks.Tags.database, deploy=True)
        # As with Django's own checks of databases, `check --deploy` alone needs no cluster, so it passes while an image
        # is built. Django 6.1 runs what has its tag `database` where a tag or a database is asked for. Django 6.0
        # always does, and says which databases were asked for.
        checks.register(check_cluster, "tasks", checks.Tags.database, deploy=True)
