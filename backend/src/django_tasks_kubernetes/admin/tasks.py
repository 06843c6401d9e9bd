"""Tasks in Django's admin."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.http import Http404, HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.base import ClusterAdmin, may

if TYPE_CHECKING:
    from django_tasks_kubernetes.presentation.rows import Row

TEMPLATES = "admin/django_tasks_kubernetes"


def _row(task: Any) -> "Row":
    row: Row = task.row
    return row


class TaskAdmin(ClusterAdmin):
    """Subclass it, and register the subclass, for what is to differ."""

    pages: ClassVar[Mapping[str, str]] = {
        "overview": "django_tasks_kubernetes.admin.overview.OverviewPage",
        "failures": "django_tasks_kubernetes.admin.failures.FailuresPage",
        "act": "django_tasks_kubernetes.admin.act_page.ActPage",
    }
    object_pages: ClassVar[Mapping[str, str]] = {
        "arguments": "django_tasks_kubernetes.admin.data.ArgumentsPage",
        "result": "django_tasks_kubernetes.admin.data.ResultPage",
        "log": "django_tasks_kubernetes.admin.log_page.LogPage",
        "cancel": "django_tasks_kubernetes.admin.act_page.CancelPage",
        "again": "django_tasks_kubernetes.admin.act_page.AgainPage",
    }

    # What somebody looks for comes first: on a screen of usual width the last ones are there by scrolling alone.
    list_display = (
        "task", "phase", "why", "enqueued", "ran", "queue", "progress", "attempts", "waited", "short_id",
    )  # fmt: skip
    list_display_links = ("task",)
    list_per_page = 50
    search_fields = ("id",)
    search_help_text = _("An id or its end, or a part of a task's path, its reason or its exception")
    show_full_result_count = False
    # Of the rows that were read, they would look like numbers of all.
    show_facets = admin.ShowFacets.NEVER
    actions_selection_counter = True
    # The last one in the place of the site's own, which deletes rows of a table.
    actions = ("cancel_selected", "retry_selected", "delete_selected")

    def queues_for(self, request: HttpRequest) -> set[str] | None:
        """See ClusterAdmin. All, where it is not overridden."""
        return None

    # The list.

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        from django_tasks_kubernetes.admin.changelist import TaskList

        return TaskList

    def get_queryset(self, request: HttpRequest) -> Any:
        from django_tasks_kubernetes.admin.changelist import Selection

        return Selection()

    def get_list_filter(self, request: HttpRequest) -> Any:
        from django_tasks_kubernetes.admin.filters import FILTERS

        return FILTERS

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from django_tasks_kubernetes.admin.list_page import list_page

        django = super().changelist_view
        return list_page(self, request, lambda: django(request, extra_context))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request) and may(request, "delete_task")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Shows one task."""
        return self.page_view("django_tasks_kubernetes.admin.detail.TaskPage", request, object_id)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Asks whether to delete it."""
        return self.page_view("django_tasks_kubernetes.admin.act_page.DeletePage", request, object_id)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """For the page of its history, which is there after the task is gone."""
        from django_tasks_kubernetes.admin.one_task import known_task

        return known_task(self, request, object_id)

    # Its actions.

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """Its own alone. Those of the site expect a QuerySet, which has more than tasks of the cluster have."""
        # Django 6.0 knows of no other place than the list.
        where = () if action_location is None else (action_location,)
        named: Any = self.actions  # None in a class that has none
        own = {getattr(one, "__name__", one) for one in named or ()}
        of_site = {name for name, _function in self.admin_site.actions} - own
        found = super().get_actions(request, *where)
        return {name: action for name, action in found.items() if name not in of_site}

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and may(request, "retry_task")

    @admin.action(description=_("Cancel"), permissions=["change"])
    def cancel_selected(self, request: HttpRequest, tasks: Any) -> Any:
        return self._confirm(request, "cancel", tasks)

    @admin.action(description=_("Enqueue once more"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, tasks: Any) -> Any:
        return self._confirm(request, "again", tasks)

    @admin.action(description=_("Delete"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, tasks: Any) -> Any:
        return self._confirm(request, "delete", tasks)

    def _confirm(self, request: HttpRequest, action: str, tasks: Any) -> Any:
        from django_tasks_kubernetes.admin.act_page import confirm
        from django_tasks_kubernetes.admin.actions import ACTIONS
        from django_tasks_kubernetes.admin.places import place_of

        place = place_of(request.GET.get("backend"))
        if place is None:
            raise Http404
        return confirm(self, request, ACTIONS[action], [(task.pk, _row(task)) for task in tasks], place)

    # Its columns.

    def action_checkbox(self, obj: Any) -> Any:
        """As Django's own, which renders a template for each row: a third of the list. A theme's own is the theme's."""
        if not self._has_stock_checkbox:
            return super().action_checkbox(obj)
        from django_tasks_kubernetes.admin.cells import checkbox

        return checkbox(obj)

    @cached_property
    def _has_stock_checkbox(self) -> bool:
        behind = super().action_checkbox
        return getattr(behind, "__func__", None) is admin.ModelAdmin.action_checkbox

    @admin.display(description=_("task"), ordering="task")
    def task(self, task: Any) -> str:
        return _row(task).task

    @admin.display(description=_("queue"), ordering="queue")
    def queue(self, task: Any) -> str:
        return _row(task).queue

    @admin.display(description=_("phase"), ordering="phase")
    def phase(self, task: Any) -> str:
        from django_tasks_kubernetes.admin.cells import phase

        return phase(_row(task).phase)

    @admin.display(description=_("progress"))
    def progress(self, task: Any) -> str:
        from django_tasks_kubernetes.admin.cells import progress

        return progress(_row(task).progress)

    @admin.display(description=_("reason"), ordering="reason")
    def why(self, task: Any) -> str:
        from django_tasks_kubernetes.admin.cells import reason

        return reason(_row(task).reason, _row(task).exception)

    @admin.display(description=_("attempts"), ordering="attempts")
    def attempts(self, task: Any) -> str:
        return str(_row(task).attempts or "")

    @admin.display(description=_("enqueued"), ordering="enqueued_at")
    def enqueued(self, task: Any) -> str:
        from django_tasks_kubernetes.admin.cells import ago

        return ago(_row(task).enqueued_at)

    @admin.display(description=_("waited"))
    def waited(self, task: Any) -> str:
        from django_tasks_kubernetes.admin.cells import waited

        return waited(_row(task))

    @admin.display(description=_("ran"))
    def ran(self, task: Any) -> str:
        from django_tasks_kubernetes.admin.cells import ran

        return ran(_row(task))

    @admin.display(description=_("id"), ordering="id")
    def short_id(self, task: Any) -> str:
        from django_tasks_kubernetes.admin.cells import short_id

        return short_id(_row(task).id)
