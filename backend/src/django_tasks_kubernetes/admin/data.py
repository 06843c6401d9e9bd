"""Arguments and results: as far as a person may see them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.tasks.exceptions import TaskException
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from django_tasks_kubernetes.admin import redact
from django_tasks_kubernetes.admin.cells import grouped
from django_tasks_kubernetes.admin.json_parts import HIDDEN
from django_tasks_kubernetes.admin.nav import for_superusers
from django_tasks_kubernetes.admin.one_task import task_for
from django_tasks_kubernetes.admin.page import Page
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.codec.resource import Resource, payload_of
from django_tasks_kubernetes.presentation.text import DATA_MAX_CHARS, cut, safe
from djangotasks_api.stored import TextRef

# Of the arguments of one task.
SHOWN_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Value:
    """An argument, or the result."""

    name: str
    text: str
    is_cut: bool
    is_hidden: bool


def arguments_of(resource: Resource, hide: str | None) -> list[Value]:
    """As JSON text, which is exact: a number that a browser would round stays what it is. Of many the first, and a
    sign that there are more, which the download has."""
    text = payload_of(resource["spec"])
    if text is None:
        return []
    found = redact.payload(resource["spec"]["task"], text, hide, SHOWN_MAX + 1)
    shown = [_value(one) for one in found[:SHOWN_MAX]]
    return shown if len(found) <= SHOWN_MAX else [*shown, Value("…", "…", is_cut=True, is_hidden=False)]


def result_of(resource: Resource, hide: str | None) -> Value | None:
    text = (resource.get("status") or {}).get("result")
    if text is None:
        return None
    return _value(redact.value(resource["spec"]["task"], "result", text, hide))


def elsewhere(resource: Resource) -> Iterator[str]:
    """What of the arguments and the result is not in the resource, in words."""
    spec, status = resource["spec"], resource.get("status") or {}
    for label, ref in ((_("Arguments"), spec.get("payloadRef")), (_("Result"), status.get("resultRef"))):
        if ref:
            where = _("%(size)s bytes, in the storage %(storage)s")
            yield safe(f"{label}: {where % {'size': grouped(ref.get('size', 0)), 'storage': ref.get('storage')}}")


def _value(one: redact.Argument) -> Value:
    return Value(safe(one.name), safe(cut(one.text), lines=True), len(one.text) > DATA_MAX_CHARS, one.is_hidden)


class DataPage(Page):
    """The whole text, as a file."""

    permission = "view_task_data"
    of: ClassVar[str]

    @method_decorator(require_safe)
    def respond(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        try:
            place, name, resource = task_for(self.admin, request, object_id, self.permission)
            text = self.text(place, resource)
        except (TaskException, ImproperlyConfigured) as error:
            words = for_superusers(request, str(error), _("It cannot be read."))
            return HttpResponse(words, status=503, content_type="text/plain; charset=utf-8")
        response = HttpResponse(text, content_type="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-{self.of}.json"'
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def text(self, place: Place, resource: Resource) -> str:
        raise NotImplementedError


class ArgumentsPage(DataPage):
    of = "arguments"

    def text(self, place: Place, resource: Resource) -> str:
        spec = resource["spec"]
        text = _stored(place, spec.get("payloadRef")) if spec.get("payloadRef") else payload_of(spec)
        if text is None:
            raise Http404
        shown = redact.payload(spec["task"], text, place.backend.parsed_options.admin_hide)
        if not any(one.is_hidden for one in shown):
            return text
        return "{" + ",".join(f"{json.dumps(one.name)}:{_json(one)}" for one in shown) + "}"


class ResultPage(DataPage):
    of = "result"

    def text(self, place: Place, resource: Resource) -> str:
        status: Mapping[str, Any] = resource.get("status") or {}
        text = _stored(place, status.get("resultRef")) if status.get("resultRef") else status.get("result")
        if text is None:
            raise Http404
        hide = place.backend.parsed_options.admin_hide
        return _json(redact.value(resource["spec"]["task"], "result", text, hide))


def _json(one: redact.Argument) -> str:
    return json.dumps(HIDDEN) if one.text == HIDDEN else one.text


def _stored(place: Place, ref: Any) -> str:
    try:
        return place.backend.files.read(TextRef.from_data(ref))
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None
