"""Schedules in Django's admin."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

from django_tasks_kubernetes.admin.base import ClusterAdmin, may

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

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To suspend and resume it. There is no form to change one."""
        return may(request, "change_schedule")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """For its history: there is no table to look it up in."""
        return self.model(pk=object_id)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return self.page_view(f"{PAGES}.SchedulesPage", request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        return self.page_view(f"{PAGES}.SchedulePage", request, object_id)
