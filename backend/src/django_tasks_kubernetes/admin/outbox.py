"""The outbox in Django's admin: tasks that the cluster does not have yet, and why."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
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


class DatabaseFilter(admin.SimpleListFilter):
    """Of several databases with an outbox, one is shown. Which one, get_queryset() asks."""

    title = _("database")
    parameter_name = "database"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        # Django shows no filter without choices.
        return [(name, name) for name in names] if len(names := _databases()) > 1 else ()

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Without "All"."""
        shown = changelist.queryset.db
        for name, title in self.lookup_choices:
            query_string = changelist.get_query_string({self.parameter_name: name})
            yield {"selected": name == shown, "query_string": query_string, "display": title}

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxTask]) -> QuerySet[OutboxTask]:
        return queryset


def database_of(request: HttpRequest) -> str | None:
    """The database whose outbox is shown: the one that the list's parameters name, else the first; None where there is
    no outbox. The page of a row has the parameters of the list in one of its own."""
    kept = QueryDict(request.GET.get("_changelist_filters", ""))
    wanted = request.GET.get(DatabaseFilter.parameter_name) or kept.get(DatabaseFilter.parameter_name)
    names = _databases()
    return wanted if wanted in names else next(iter(names), None)


def _databases() -> list[str]:
    from django_tasks_kubernetes.relay import outbox_databases

    return outbox_databases()


class OutboxAdmin(TableAdmin):
    tab = "outbox"
    empty = _("Nothing waits to be sent: the cluster has all tasks.")
    row_actions: ClassVar[Mapping[str, str]] = {"send": f"{ACTIONS}.Send", "discard": f"{ACTIONS}.Discard"}

    list_display = ("path", "state", "problem", "since", "tries", "next_try", "queue", "backend", "short_id")
    list_display_links = ("path",)
    list_filter = (DatabaseFilter, StateFilter, "queue", "backend")
    search_fields = ("id", "task", "error")
    ordering = ("created_at", "pk")
    actions = ("send_selected", "discard_selected")
    fields = ("id", "path", "queue", "backend", "state", "since", "tries", "next_try", "whole_problem", "cancelled")

    def is_on(self) -> bool:
        """Where a backend of TASKS has ENQUEUE = "outbox"."""
        return bool(_databases())

    def using(self, request: HttpRequest) -> str | None:
        return database_of(request)

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
