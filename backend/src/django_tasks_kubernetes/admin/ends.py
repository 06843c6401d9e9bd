"""The ends of tasks in Django's admin: those that receivers failed on, and those that wait for them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.base import may
from django_tasks_kubernetes.admin.table_admin import TableAdmin
from django_tasks_kubernetes.models import TaskEnd

ACTIONS = "django_tasks_kubernetes.admin.ends_actions"


class StateFilter(admin.SimpleListFilter):
    """Most rows are dispatched, and stay until their task is gone: they are shown where somebody asks for them."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [
            ("failing", _("failing")),
            ("given-up", _("given up")),
            ("dispatched", _("dispatched")),
            ("all", _("all")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskEnd]) -> QuerySet[TaskEnd]:
        match self.value():
            case "failing":
                return queryset.filter(dispatched_at=None, next_try_at__isnull=False).exclude(error="")
            case "given-up":
                return queryset.filter(dispatched_at=None, next_try_at=None)
            case "dispatched":
                return queryset.filter(dispatched_at__isnull=False)
            case "all":
                return queryset
            case _:
                return queryset.filter(dispatched_at=None)

    def choices(self, changelist: Any) -> Iterator[Any]:
        first = True
        for choice in super().choices(changelist):
            yield {**choice, "display": _("not dispatched")} if first else choice
            first = False


class EndsAdmin(TableAdmin):
    tab = "ends"
    empty = _("All receivers were called for all ends that were seen.")
    row_actions: ClassVar[Mapping[str, str]] = {"again": f"{ACTIONS}.Again", "discard": f"{ACTIONS}.Discard"}

    list_display = ("path", "what", "state", "problem", "seen", "tries", "next_try", "queue", "backend", "short_id")
    list_display_links = ("path",)
    list_filter = (StateFilter, "queue", "backend")
    search_fields = ("task_id", "task", "error")
    ordering = ("-seen_at", "pk")
    actions = ("again_selected", "discard_selected")
    fields = (
        "task_id", "path", "what", "queue", "backend", "state", "seen", "tries", "next_try",
        "whole_problem", "receivers",
    )  # fmt: skip

    def is_on(self) -> bool:
        """Where a receiver of an end is connected."""
        from django_tasks_kubernetes.admin.places import has_receivers

        return has_receivers()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the resources, which may be large."""
        return super().get_queryset(request).defer("resource")

    def has_again_permission(self, request: HttpRequest) -> bool:
        return may(request, "change_taskend")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        return may(request, "delete_taskend")

    @admin.action(description=_("Call receivers again"), permissions=["again"])
    def again_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> Any:
        return self.ask(request, "again", rows)

    @admin.action(description=_("Call no more receivers"), permissions=["discard"])
    def discard_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> Any:
        return self.ask(request, "discard", rows)

    @admin.display(description=_("task"), ordering="task")
    def path(self, row: TaskEnd) -> str:
        from django_tasks_kubernetes.presentation.text import safe

        return safe(row.task) or row.task_id

    @admin.display(description=_("end of"))
    def what(self, row: TaskEnd) -> Any:
        if row.attempt is not None:
            return _("attempt %(number)s") % {"number": row.attempt}
        # As the inbox names the ends of workflows.
        return _("workflow") if row.key.endswith("/workflow") else _("task")

    @admin.display(description=_("state"))
    def state(self, row: TaskEnd) -> Any:
        if row.dispatched_at is not None:
            return _("discarded") if row.error else _("dispatched")
        if row.next_try_at is None:
            return _("given up")
        return _("failing") if row.error else _("waiting")

    @admin.display(description=_("seen"), ordering="seen_at")
    def seen(self, row: TaskEnd) -> str:
        from django_tasks_kubernetes.admin.cells import ago

        return ago(row.seen_at)

    @admin.display(description=_("next try"), ordering="next_try_at")
    def next_try(self, row: TaskEnd) -> str:
        from django_tasks_kubernetes.admin.cells import ago

        return ago(row.next_try_at)

    @admin.display(description=_("error"))
    def problem(self, row: TaskEnd) -> str:
        from django_tasks_kubernetes.admin.cells import problem

        return problem(row.error)

    @admin.display(description=_("error"))
    def whole_problem(self, row: TaskEnd) -> str:
        from django_tasks_kubernetes.presentation.text import safe

        return safe(row.error, lines=True) or "–"

    @admin.display(description=_("receivers that were called"))
    def receivers(self, row: TaskEnd) -> str:
        from django_tasks_kubernetes.presentation.text import safe

        return safe(row.dispatched_to, lines=True) or "–"

    @admin.display(description=_("id"), ordering="task_id")
    def short_id(self, row: TaskEnd) -> str:
        from django_tasks_kubernetes.admin.cells import short_id

        return short_id(row.task_id)
