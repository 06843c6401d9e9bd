"""What the list of the history says of itself, and where its tasks are."""

from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Min
from django.http import HttpRequest
from django.utils.html import format_html

from django_tasks_kubernetes.admin.nav import url
from django_tasks_kubernetes.admin.places import history_options, place_of
from django_tasks_kubernetes.models import TaskHistory


def known(admin: Any, request: HttpRequest) -> dict[str, Any]:
    """How far back it goes, and for how long its rows stay."""
    options = history_options()
    oldest = admin.get_queryset(request).aggregate(oldest=Min("finished_at"))["oldest"]
    return {
        "oldest": oldest,
        "history_days": options.history_days if options is not None else None,
        "history_rows": options.history_rows if options is not None else None,
        "counted_max": admin.counted_max,
    }


def link(admin: Any, row: TaskHistory) -> str:
    """To the task's own page, which may be gone."""
    if (place := place_of(row.backend)) is None:
        return "–"
    address = url(admin.admin_site, "task_change", quote(place.pk(row.task_id)))
    return format_html('<a href="{}">{}</a>', address, row.task_id)


def row_of(place: Any, name: str) -> TaskHistory | None:
    """The row of a task that is gone; None where there is none."""
    rows = TaskHistory.objects.filter(task_id=name, backend=place.alias)
    return rows.order_by("-finished_at").first() if history_options() is not None else None
