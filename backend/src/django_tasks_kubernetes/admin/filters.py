"""The filters beside the list. Each is a parameter of the address, which `criteria` reads: here are their choices."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.criteria import UNFINISHED
from django_tasks_kubernetes.admin.places import places
from django_tasks_kubernetes.presentation.text import safe
from djangotasks_api.phases import Phase

if TYPE_CHECKING:
    from django_tasks_kubernetes.presentation.rows import Row

CHOICES_MAX = 30


class RowsFilter(SimpleListFilter):
    """The values that the rows have which were read."""

    attribute: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        rows: list[Row] = getattr(request, "djangotasks_rows", [])
        found = {value for row in rows if (value := getattr(row, self.attribute))}
        # The chosen one stays, so that it can be left.
        if chosen := self.value():
            found.add(chosen)
        known = self.known(request, model_admin)
        return [(value, safe(value)) for value in [*known, *sorted(found - set(known))][:CHOICES_MAX]]

    def known(self, request: HttpRequest, model_admin: Any) -> list[str]:
        """Those that are there in any case."""
        return []

    def queryset(self, request: HttpRequest, queryset: Any) -> None:
        return None


class ChosenFilter(RowsFilter):
    """Shown only where a link has set it."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, Any]]:
        if chosen := self.value():
            yield chosen, safe(chosen)


class BackendFilter(SimpleListFilter):
    title = _("backend")
    parameter_name = "backend"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        found = places()
        return [(place.alias, place.alias) for place in found] if len(found) > 1 else []

    def queryset(self, request: HttpRequest, queryset: Any) -> None:
        return None

    def choices(self, changelist: Any) -> Iterator[Any]:
        # There is no page of all of them; the first is what is shown without a choice.
        chosen = self.value() or next(iter(self.lookup_choices))[0]
        for alias, title in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: alias})
            yield {"selected": alias == chosen, "query_string": query, "display": title}


class PhaseFilter(SimpleListFilter):
    title = _("phase")
    parameter_name = "phase"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        listed: list[tuple[str, Any]] = [(UNFINISHED, _("Unfinished")), *((str(phase), str(phase)) for phase in Phase)]
        if (chosen := self.value()) and chosen not in dict(listed):
            listed.append((chosen, safe(chosen)))
        return listed

    def queryset(self, request: HttpRequest, queryset: Any) -> None:
        return None


class QueueFilter(RowsFilter):
    title = _("queue")
    parameter_name = attribute = "queue"

    def known(self, request: HttpRequest, model_admin: Any) -> list[str]:
        """Of those who may see some: the newest tasks may all be of others."""
        return sorted(model_admin.queues_for(request) or ())


class TaskFilter(RowsFilter):
    title = _("task")
    parameter_name = attribute = "task"


class ReasonFilter(RowsFilter):
    title = _("reason")
    parameter_name = attribute = "reason"


class ExceptionFilter(RowsFilter):
    title = _("exception")
    parameter_name = attribute = "exception"


class WithinFilter(SimpleListFilter):
    title = _("ended within")
    parameter_name = "within"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1h", _("1 hour")), ("3h", _("3 hours")), ("24h", _("24 hours")), ("7d", _("7 days"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> None:
        return None


class WorkflowFilter(ChosenFilter):
    title = _("workflow")
    parameter_name = attribute = "workflow"


class ScheduleFilter(ChosenFilter):
    title = _("schedule")
    parameter_name = attribute = "schedule"


class RetryOfFilter(ChosenFilter):
    title = _("retry of")
    parameter_name = attribute = "retry_of"


class EnqueuedByFilter(ChosenFilter):
    title = _("enqueued by")
    parameter_name = attribute = "enqueued_by"


FILTERS = (
    BackendFilter, PhaseFilter, QueueFilter, TaskFilter, ReasonFilter, ExceptionFilter, WithinFilter,
    WorkflowFilter, ScheduleFilter, RetryOfFilter, EnqueuedByFilter,
)  # fmt: skip
