"""A site that has the pages of tasks and schedules alone."""

from django.contrib.admin import AdminSite
from django.urls import path

from django_tasks_kubernetes.admin import ScheduleAdmin, TaskAdmin
from django_tasks_kubernetes.models import Schedule, Task

site = AdminSite(name="small")
site.register(Task, TaskAdmin)
site.register(Schedule, ScheduleAdmin)
urlpatterns = [path("admin/", site.urls)]
