"""The history in Django's admin: tasks that ended, also those that the cluster keeps no more."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.table_admin import TableAdmin
from django_tasks_kubernetes.models import TaskHistory

if TYPE_CHECKING:
    from django.db.models import QuerySet

    Pages = Paginator[Any]
else:
    Pages = Paginator

COUNTED_MAX = 10_000


class BoundedPaginator(Pages):
    """Of the newest that match: to count a million rows takes as long as to read them."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[TaskHistory]", self.object_list)
        return rows.order_by()[:COUNTED_MAX].count()


class HistoryAdmin(TableAdmin):
    tab = "history"
    empty = _("Nothing ended since the history is on. It is written by manage.py watch_tasks: does that run?")

    list_display = (
        "path", "what", "why", "ended", "waited", "ran", "memory", "attempts", "queue", "backend", "short_id",
    )  # fmt: skip
    list_display_links = ("path",)
    search_fields = ("task_id", "task", "message")
    search_help_text = _("A part of a task's path, of its message, or of its id")
    sortable_by = ("ended",)
    ordering = ("-finished_at", "pk")
    actions = None
    counted_max = COUNTED_MAX
    paginator = BoundedPaginator
    change_list_template = "admin/django_tasks_kubernetes/table/history.html"
    fields = (
        "task_id", "in_cluster", "path", "queue", "backend", "what", "reason", "exception", "message", "attempts",
        "enqueued_at", "started_at", "finished_at", "waited", "ran", "memory", "cpu", "schedule", "workflow",
        "retry_of",
    )  # fmt: skip

    def is_on(self) -> bool:
        """Where a backend of TASKS has HISTORY_DAYS."""
        from django_tasks_kubernetes.admin.places import history_options

        return history_options() is not None

    def get_list_filter(self, request: HttpRequest) -> Any:
        from django_tasks_kubernetes.admin.history_filters import FILTERS

        return FILTERS

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from django_tasks_kubernetes.admin.history_page import known

        return super().changelist_view(request, known(self, request) | (extra_context or {}))

    @admin.display(description=_("task"))
    def path(self, row: TaskHistory) -> str:
        return row.task

    @admin.display(description=_("phase"))
    def what(self, row: TaskHistory) -> str:
        from django_tasks_kubernetes.admin.cells import phase

        return phase(row.phase)

    @admin.display(description=_("reason"))
    def why(self, row: TaskHistory) -> str:
        from django_tasks_kubernetes.admin.cells import reason

        return reason(row.reason, row.exception)

    @admin.display(description=_("ended"), ordering="finished_at")
    def ended(self, row: TaskHistory) -> str:
        from django_tasks_kubernetes.admin.cells import ago

        return ago(row.finished_at)

    @admin.display(description=_("waited"))
    def waited(self, row: TaskHistory) -> str:
        from django_tasks_kubernetes.admin.cells import span

        return span(row.enqueued_at, row.started_at or row.finished_at)

    @admin.display(description=_("ran"))
    def ran(self, row: TaskHistory) -> str:
        from django_tasks_kubernetes.admin.cells import span

        return span(row.started_at, row.finished_at)

    @admin.display(description=_("memory at most"))
    def memory(self, row: TaskHistory) -> str:
        from django_tasks_kubernetes.presentation.text import mebibytes

        return "–" if row.memory_bytes is None else mebibytes(row.memory_bytes)

    @admin.display(description=_("CPU time"))
    def cpu(self, row: TaskHistory) -> str:
        return "–" if row.cpu_seconds is None else f"{row.cpu_seconds:,.1f} s"

    @admin.display(description=_("in the cluster"))
    def in_cluster(self, row: TaskHistory) -> str:
        from django_tasks_kubernetes.admin.history_page import link

        return link(self, row)

    @admin.display(description=_("id"))
    def short_id(self, row: TaskHistory) -> str:
        from django_tasks_kubernetes.admin.cells import short_id

        return short_id(row.task_id)
