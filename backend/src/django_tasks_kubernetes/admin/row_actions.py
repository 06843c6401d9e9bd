"""What people do with rows of tables: a page asks, and its POST does it, with one row after the other."""

from abc import ABC, abstractmethod
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import messages
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_tasks_kubernetes.admin.actions import Done
from django_tasks_kubernetes.admin.audit import kept
from django_tasks_kubernetes.admin.base import require
from django_tasks_kubernetes.admin.many import ACTION_MAX, Report, do_all
from django_tasks_kubernetes.admin.nav import for_superusers, url, with_query
from django_tasks_kubernetes.admin.page import frame
from django_tasks_kubernetes.admin.parts import TEMPLATES
from django_tasks_kubernetes.admin.places import place_of

if TYPE_CHECKING:
    from django_tasks_kubernetes.admin.table_admin import TableAdmin

SHOWN_MAX: Final = 20
# What `ask` shows of them. The others are large.
SHOWN: Final = ("pk", "task", "queue")


class RowAction(ABC):
    name: ClassVar[str]
    permission: ClassVar[str]
    label: ClassVar[Any]
    question: ClassVar[Any]
    button: ClassVar[Any]
    consequence: ClassVar[Any]
    done: ClassVar[Any]
    """For the log of the admin."""
    deletes: ClassVar[bool] = False

    @abstractmethod
    def run(self, pk: str, using: str) -> bool:
        """Does it, if the row is still one to do it with, and returns whether it was. Raises TaskException and
        ValueError."""


def ask(admin: "TableAdmin", request: HttpRequest, action: RowAction, rows: QuerySet[Any]) -> HttpResponseBase:
    """Asks whether to do it with these rows, of which it takes the first 1,000."""
    require(request, action.permission)
    found = list(rows.only(*SHOWN)[: ACTION_MAX + 1])
    wanted = found[:ACTION_MAX]
    context = {
        "wanted": len(wanted),
        "is_cut": len(found) > ACTION_MAX,
        "by_queue": Counter(row.queue for row in wanted).most_common(SHOWN_MAX),
        "shown": wanted[:SHOWN_MAX],
        "pks": " ".join(str(row.pk) for row in wanted),
    }
    return _page(admin, request, action, context, request.GET.urlencode())


def act(admin: "TableAdmin", request: HttpRequest) -> HttpResponseBase:
    """Does what the form says."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseRedirect(_list(admin))
    if (name := request.POST.get("act", "")) not in admin.row_actions:
        raise BadRequest("act")
    action: RowAction = admin.row_action(name)
    require(request, action.permission)
    pks = list(dict.fromkeys(request.POST.get("pks", "").split()))
    if not 0 < len(pks) <= ACTION_MAX:
        raise BadRequest(f"The form must name 1 to {ACTION_MAX} rows.")
    # What a router reads may be a replica, which is late, and takes no writes.
    mine = admin.get_queryset(request).using(admin.using(request) or router.db_for_write(admin.model))
    rows = {str(row.pk): row for row in mine.filter(pk__in=pks).only(*SHOWN)}
    report = do_all(pks, partial(_one, action, rows, mine.db), in_threads=False)
    if report.done:
        user: Any = request.user
        flag = DELETION if action.deletes else CHANGE
        with kept(request, f"{action.done} {', '.join(report.done)}"):
            LogEntry.objects.log_actions(user.pk, [rows[pk] for pk in report.done], flag, str(action.done))
    _tell(request, action, report)
    if report.to_do and not report.failed:
        left = {"wanted": len(report.to_do), "pks": " ".join(report.to_do), "goes_on": True}
        return _page(admin, request, action, left, request.POST.get("back", ""))
    return HttpResponseRedirect(_list(admin, request.POST.get("back", "")))


def _one(action: RowAction, rows: dict[str, Any], using: str, pk: str) -> Done | str:
    if pk not in rows or not action.run(pk, using):
        return _("is done already, or is being worked on")
    return Done(rows[pk].task)


def _tell(request: HttpRequest, action: RowAction, report: Report) -> None:
    if number := len(report.done):
        words = ngettext("%(label)s: %(number)s row.", "%(label)s: %(number)s rows.", number)
        messages.success(request, words % {"label": action.label, "number": number})
    for why, number in Counter(report.left_alone.values()).items():
        words = ngettext(
            "%(number)s row was left alone: it %(why)s.", "%(number)s rows were left alone: each %(why)s.", number
        )
        messages.warning(request, words % {"number": number, "why": why})
    for why, number in Counter(report.failed.values()).most_common(SHOWN_MAX):
        words = ngettext("%(number)s row: %(why)s", "%(number)s rows: %(why)s", number)
        shown = for_superusers(request, why, _("The cluster refused it. Ask your administrator."))
        messages.error(request, words % {"number": number, "why": shown})


def _page(
    admin: "TableAdmin", request: HttpRequest, action: RowAction, context: dict[str, Any], back: str
) -> HttpResponseBase:
    """`back`: the parameters of the list that somebody comes from."""
    place = place_of(None)
    if place is None:
        raise PermissionDenied
    context = {
        **frame(admin, request, action.question, admin.tab, place),
        "act": action,
        # With the parameters of the list, since one of them may say in which database the rows are.
        "act_url": with_query(url(admin.admin_site, f"{admin.opts.model_name}_act"), back),
        "back": back,
        "list_url": _list(admin, back),
        **context,
    }
    return TemplateResponse(request, f"{TEMPLATES}/table/confirm.html", context)


def _list(admin: "TableAdmin", query: str = "") -> str:
    return with_query(url(admin.admin_site, f"{admin.opts.model_name}_changelist"), query)
