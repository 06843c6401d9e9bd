"""The list of tasks: what is around Django's own, and its rows alone for live.js."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_tasks_kubernetes.admin.base import ClusterAdmin
from django_tasks_kubernetes.admin.nav import nav
from django_tasks_kubernetes.admin.page import render
from django_tasks_kubernetes.admin.parts import PART, PARTS

ROWS = ("rows",)


def list_page(admin: ClusterAdmin, request: HttpRequest, make: Callable[[], Any]) -> Any:
    """Adds to what Django answers, which `make` does; what is no list, such as a redirection, is left as it is."""
    if PART in request.GET and not admin.has_view_permission(request):
        raise PermissionDenied
    return PARTS.answer(request, admin.queues_for, lambda: _with_nav(admin, request, make()))


def _with_nav(admin: ClusterAdmin, request: HttpRequest, response: Any) -> Any:
    context = getattr(response, "context_data", None)
    if not isinstance(response, TemplateResponse) or context is None or "cl" not in context:
        return response
    changelist = context["cl"]
    # Django's own asks to select one to change, which tasks are not.
    context |= {"answer": changelist.answer, "title": _("Tasks")}
    context |= nav(request, admin.admin_site, "tasks", changelist.place, changelist.answer)
    if PART in request.GET:
        return render(request, "", context, ROWS)
    return response
