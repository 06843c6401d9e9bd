"""The outbox in Django's admin: tasks that the cluster does not have yet, and why."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.base import may
from django_tasks_kubernetes.admin.table_admin import TableAdmin
from django_tasks_kubernetes.models import OutboxTask

ACTIONS = "django_tasks_kubernetes.admin.outbox_actions"


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [("waiting", _("waiting")), ("failing", _("failing"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxTask]) -> QuerySet[OutboxTask]:
        match self.value():
            case "waiting":
                return queryset.filter(tries=0)
            case "failing":
                return queryset.filter(tries__gt=0)
            case _:
                return queryset


class OutboxAdmin(TableAdmin):
    tab = "outbox"
    empty = _("Nothing waits to be sent: the cluster has all tasks.")
    row_actions: ClassVar[Mapping[str, str]] = {"send": f"{ACTIONS}.Send", "discard": f"{ACTIONS}.Discard"}

    list_display = ("path", "state", "problem", "since", "tries", "next_try", "queue", "backend", "short_id")
    list_display_links = ("path",)
    list_filter = (StateFilter, "queue", "backend")
    search_fields = ("id", "task", "error")
    ordering = ("created_at", "pk")
    actions = ("send_selected", "discard_selected")
    fields = ("id", "path", "queue", "backend", "state", "since", "tries", "next_try", "whole_problem", "cancelled")

    def is_on(self) -> bool:
        """Where a backend of TASKS has ENQUEUE = "outbox"."""
        return self.using() is not None

    def using(self) -> str | None:
        from django_tasks_kubernetes.admin.places import outbox_database

        return outbox_database()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the resources, which may be large."""
        return super().get_queryset(request).defer("resource")

    def has_send_permission(self, request: HttpRequest) -> bool:
        return may(request, "change_outboxtask")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        return may(request, "delete_outboxtask")

    @admin.action(description=_("Send now"), permissions=["send"])
    def send_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> Any:
        return self.ask(request, "send", rows)

    @admin.action(description=_("Discard"), permissions=["discard"])
    def discard_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> Any:
        return self.ask(request, "discard", rows)

    @admin.display(description=_("task"), ordering="task")
    def path(self, row: OutboxTask) -> str:
        from django_tasks_kubernetes.presentation.text import safe

        return safe(row.task) or "–"

    @admin.display(description=_("state"))
    def state(self, row: OutboxTask) -> Any:
        if row.tries:
            return _("failing")
        # The process that wrote it has this time for itself.
        return _("waiting") if row.next_try_at > timezone.now() else _("waiting for a relay")

    @admin.display(description=_("enqueued"), ordering="created_at")
    def since(self, row: OutboxTask) -> str:
        from django_tasks_kubernetes.admin.cells import ago

        return ago(row.created_at)

    @admin.display(description=_("next try"), ordering="next_try_at")
    def next_try(self, row: OutboxTask) -> str:
        from django_tasks_kubernetes.admin.cells import ago

        return ago(row.next_try_at)

    @admin.display(description=_("error"))
    def problem(self, row: OutboxTask) -> str:
        from django_tasks_kubernetes.admin.cells import problem

        return problem(row.error)

    @admin.display(description=_("error"))
    def whole_problem(self, row: OutboxTask) -> str:
        from django_tasks_kubernetes.presentation.text import safe

        return safe(row.error, lines=True) or "–"

    @admin.display(description=_("cancellation"))
    def cancelled(self, row: OutboxTask) -> str:
        from django_tasks_kubernetes.presentation.text import safe

        return "–" if row.cancel_reason is None else safe(row.cancel_reason) or str(_("requested"))

    @admin.display(description=_("id"), ordering="id")
    def short_id(self, row: OutboxTask) -> str:
        from django_tasks_kubernetes.admin.cells import short_id

        return short_id(row.pk)
