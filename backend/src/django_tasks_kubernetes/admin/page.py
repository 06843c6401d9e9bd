"""A page: its permission, what it shows, and its parts, which are asked for alone while it is open."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from django_tasks_kubernetes.admin.base import require
from django_tasks_kubernetes.admin.keeping import Answer
from django_tasks_kubernetes.admin.nav import nav
from django_tasks_kubernetes.admin.parts import PART, PARTS, TEMPLATES, render_part
from django_tasks_kubernetes.admin.places import Place, place_of, split

if TYPE_CHECKING:
    from django_tasks_kubernetes.admin.base import ClusterAdmin, ModelAdmin


class Page:
    """A subclass says what it is, and gives the context of its template."""

    name: ClassVar[str]
    """Of its template."""

    tab: ClassVar[str] = ""
    """The name of its tab, where that is another."""

    title: ClassVar[Any]
    permission: ClassVar[str] = "view_task"
    """Who may see it, by a codename of this app."""

    parts: ClassVar[tuple[str, ...]] = ()
    """The parts that live.js may ask for: templates of `parts/`."""

    def __init__(self, admin: "ClusterAdmin") -> None:
        self.admin = admin

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        """For the template. `answer`, an Answer, says in it how old the page is, and what is wrong. `name`: of the
        object that the page is about; empty for none. Raises Http404."""
        raise NotImplementedError

    @method_decorator(require_safe)
    def respond(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        """Answers a GET. For one that answers a POST, override it; ask `require()` first."""
        require(request, self.permission)
        place, name = split(unquote(object_id)) if object_id else (place_of(request.GET.get("backend")), "")
        if place is None:
            raise Http404
        return PARTS.answer(request, self.admin.queues_for, lambda: self._made(request, place, name))

    def _made(self, request: HttpRequest, place: Place, name: str) -> HttpResponseBase:
        found = self.context(request, place, name)
        context = {**frame(self.admin, request, self.title, self.tab or self.name, place, found.get("answer")), **found}
        return render(request, f"{TEMPLATES}/{self.name}.html", context, self.parts)


def frame(
    admin: "ModelAdmin", request: HttpRequest, title: Any, tab: str, place: Place, answer: Answer[Any] | None = None
) -> dict[str, Any]:
    """The context of what is around each page. `tab`: the name of the current one."""
    request.current_app = admin.admin_site.name
    return {
        **admin.admin_site.each_context(request),
        "title": title,
        "opts": admin.opts,
        **nav(request, admin.admin_site, tab, place, answer),
    }


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person asked to read again."""
    return "fresh" in request.GET


def render(request: HttpRequest, template: str, context: Mapping[str, Any], parts: tuple[str, ...]) -> HttpResponseBase:
    """Answers with the page; or with the part of it that is asked for, unless the browser has it already."""
    part = request.GET.get(PART)
    if part is None:
        return TemplateResponse(request, template, dict(context))
    return render_part(request, part, context, parts)
