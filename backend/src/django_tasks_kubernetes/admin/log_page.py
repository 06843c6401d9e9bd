"""The log of an attempt of a task, which grows while it is read."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.utils import quote
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from django_tasks_kubernetes.admin.base import require
from django_tasks_kubernetes.admin.log_reading import attempt_of, log_pane
from django_tasks_kubernetes.admin.one_task import answer_for
from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.presentation.rows import row


class LogPage(Page):
    name = "log"
    tab = "tasks"
    title = gettext_lazy("Log")
    permission = "view_task_data"
    parts = ("log",)

    @method_decorator(require_safe)
    def respond(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        require(request, "view_task")
        return super().respond(request, object_id)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        number = _number(request)
        answer = answer_for(self.admin, request, place, name, fresh=is_fresh(request))
        found: dict[str, Any] = {"answer": answer, "pk": quote(place.pk(name))}
        if answer.value is None:
            return found
        attempt = attempt_of(answer.value, number)
        if attempt is None and number is not None:
            raise Http404
        attempts = (answer.value.get("status") or {}).get("attempts") or []
        return found | {
            "title": _("Log of %(task)s") % {"task": row(answer.value).task},
            "row": row(answer.value),
            "log": log_pane(request, place, answer.value, attempt, fresh=is_fresh(request)) if attempt else None,
            "numbers": [one.get("number") for one in attempts],
            "namespace": place.client.namespace if place.client is not None else "",
        }


def _number(request: HttpRequest) -> int | None:
    """Raises BadRequest."""
    text = request.GET.get("attempt", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest(f"attempt={text!r}")
    return int(text) if text else None
