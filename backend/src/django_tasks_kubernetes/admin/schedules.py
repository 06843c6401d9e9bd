"""Schedules in Django's admin."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

from django_tasks_kubernetes.admin.base import ClusterAdmin

PAGES = "django_tasks_kubernetes.admin.schedule_pages"
ACTIONS = "django_tasks_kubernetes.admin.schedule_actions"


class ScheduleAdmin(ClusterAdmin):
    """Subclass it, and register the subclass, for what is to differ."""

    pages: ClassVar[Mapping[str, str]] = {"act": "django_tasks_kubernetes.admin.schedule_bulk.SchedulesActPage"}
    object_pages: ClassVar[Mapping[str, str]] = {
        "run": f"{ACTIONS}.RunPage",
        "suspend": f"{ACTIONS}.SuspendPage",
        "resume": f"{ACTIONS}.ResumePage",
    }

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """For its history, which is there after the schedule is gone."""
        from django_tasks_kubernetes.admin.schedule_reading import queue_of

        return self.known(request, object_id, queue_of)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return self.page_view(f"{PAGES}.SchedulesPage", request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        return self.page_view(f"{PAGES}.SchedulePage", request, object_id)
