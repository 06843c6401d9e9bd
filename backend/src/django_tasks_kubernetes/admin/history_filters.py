"""The filters beside the list of the history. Choices are the values of the newest rows: a table may have millions."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar, Final

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.models import TaskHistory
from django_tasks_kubernetes.presentation.text import safe
from djangotasks_api.phases import TERMINAL_PHASES

READ_MAX: Final = 1000
CHOICES_MAX: Final = 30
WITHIN: Final = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


class ValueFilter(SimpleListFilter):
    """By one column. `parameter_name` is its name."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        found = {getattr(row, str(self.parameter_name)) for row in newest(request, model_admin)} | {self.value()}
        return [(value, safe(value)) for value in sorted(one for one in found if one)][:CHOICES_MAX]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskHistory]) -> QuerySet[TaskHistory]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class PhaseFilter(ValueFilter):
    title = _("phase")
    parameter_name = "phase"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(str(phase), str(phase)) for phase in sorted(TERMINAL_PHASES)]


class QueueFilter(ValueFilter):
    title = _("queue")
    parameter_name = "queue"


class TaskFilter(ValueFilter):
    title = _("task")
    parameter_name = "task"


class ReasonFilter(ValueFilter):
    title = _("reason")
    parameter_name = "reason"


class ExceptionFilter(ValueFilter):
    title = _("exception")
    parameter_name = "exception"


class ScheduleFilter(ValueFilter):
    title = _("schedule")
    parameter_name = "schedule"


class WithinFilter(SimpleListFilter):
    title = _("ended within")
    parameter_name = "within"
    words: ClassVar = {"1h": _("1 hour"), "24h": _("24 hours"), "7d": _("7 days"), "30d": _("30 days")}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return list(self.words.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskHistory]) -> QuerySet[TaskHistory]:
        length = WITHIN.get(self.value() or "")
        return queryset if length is None else queryset.filter(finished_at__gte=timezone.now() - length)


FILTERS: Final = (WithinFilter, PhaseFilter, QueueFilter, TaskFilter, ReasonFilter, ExceptionFilter, ScheduleFilter)
COLUMNS: Final = ("queue", "task", "reason", "exception", "schedule")


def newest(request: HttpRequest, model_admin: Any) -> list[TaskHistory]:
    """The newest that the person may see: one query for all filters."""
    found: list[TaskHistory] | None = getattr(request, "djangotasks_newest", None)
    if found is None:
        rows = model_admin.get_queryset(request).order_by("-finished_at").only("pk", *COLUMNS)
        found = list(rows[:READ_MAX])
        request.djangotasks_newest = found  # type: ignore[attr-defined]
    return found
