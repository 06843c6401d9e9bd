"""The pages in Django's admin: what is waiting, running and failed, and what to do about it.

With `django.contrib.admin` in INSTALLED_APPS they are there; another site has them by `register(site)`. Task pods
import this module too, as the admin discovers it, so what asks the cluster is imported by the first page that does.
"""

from django.apps import apps
from django.contrib import admin

from django_tasks_kubernetes.admin.ends import EndsAdmin
from django_tasks_kubernetes.admin.history import HistoryAdmin
from django_tasks_kubernetes.admin.outbox import OutboxAdmin
from django_tasks_kubernetes.admin.queues import QueueAdmin
from django_tasks_kubernetes.admin.schedules import ScheduleAdmin
from django_tasks_kubernetes.admin.tasks import TaskAdmin
from django_tasks_kubernetes.admin.workflows import WorkflowAdmin
from django_tasks_kubernetes.models import OutboxTask, Queue, Schedule, Task, TaskEnd, TaskHistory, Workflow

__all__ = [
    "EndsAdmin",
    "HistoryAdmin",
    "OutboxAdmin",
    "QueueAdmin",
    "ScheduleAdmin",
    "TaskAdmin",
    "WorkflowAdmin",
    "register",
]


def register(site: admin.AdminSite) -> None:
    """Adds the pages to an admin site."""
    site.register(Task, TaskAdmin)
    site.register(Queue, QueueAdmin)
    site.register(Schedule, ScheduleAdmin)
    site.register(Workflow, WorkflowAdmin)
    site.register(TaskHistory, HistoryAdmin)
    site.register(OutboxTask, OutboxAdmin)
    site.register(TaskEnd, EndsAdmin)


if apps.is_installed("django.contrib.admin"):
    register(admin.site)
