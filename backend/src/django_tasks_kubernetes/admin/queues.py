"""Queues in Django's admin."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

from django_tasks_kubernetes.admin.base import ClusterAdmin

PAGE = "django_tasks_kubernetes.admin.queues_page.QueuesPage"


class QueueAdmin(ClusterAdmin):
    """Nothing here changes a queue: who may do that runs any pod. A hold is a resource of its own."""

    object_pages: ClassVar[Mapping[str, str]] = {
        "hold": "django_tasks_kubernetes.admin.hold_pages.HoldPage",
        "release": "django_tasks_kubernetes.admin.hold_pages.ReleasePage",
    }

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return self.page_view(PAGE, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Shows one queue. The entries of the admin's log lead to it."""
        return self.page_view(PAGE, request, object_id)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """For its history, which is there after the queue is gone."""
        return self.known(request, object_id, lambda place, name: name)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
