"""The list of tasks: what is around Django's own, and its rows alone for live.js."""

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_tasks_kubernetes.admin.base import ClusterAdmin
from django_tasks_kubernetes.admin.nav import nav
from django_tasks_kubernetes.admin.page import PART, render

PARTS = ("rows",)


def list_page(admin: ClusterAdmin, request: HttpRequest, response: Any) -> Any:
    """Adds to what Django answers; what is no list, such as a redirection, is left as it is."""
    context = getattr(response, "context_data", None)
    if not isinstance(response, TemplateResponse) or context is None or "cl" not in context:
        return response
    changelist = context["cl"]
    # Django's own asks to select one to change, which tasks are not.
    context |= {"answer": changelist.answer, "title": _("Tasks")}
    context |= nav(request, admin.admin_site, "tasks", changelist.place, changelist.answer)
    if PART in request.GET:
        return render(request, "", context, PARTS)
    return response
