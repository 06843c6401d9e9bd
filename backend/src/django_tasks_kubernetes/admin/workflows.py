"""Workflows in Django's admin."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

from django_tasks_kubernetes.admin.base import ClusterAdmin

PAGES = "django_tasks_kubernetes.admin.workflow_pages"


class WorkflowAdmin(ClusterAdmin):
    """Subclass it, and register the subclass, for what is to differ."""

    object_pages: ClassVar[Mapping[str, str]] = {
        "cancel": "django_tasks_kubernetes.admin.workflow_actions.CancelPage",
        "retry": "django_tasks_kubernetes.admin.workflow_actions.RetryPage",
    }

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """For its history, which is there after the workflow is gone."""
        from django_tasks_kubernetes.admin.workflow_pages import queue_of

        return self.known(request, object_id, queue_of)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return self.page_view(f"{PAGES}.WorkflowsPage", request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        return self.page_view(f"{PAGES}.WorkflowPage", request, object_id)
