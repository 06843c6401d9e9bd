"""The page that asks before something is done with tasks, and the POST that does it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.tasks.exceptions import TaskException
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from django_tasks_kubernetes.admin.actions import ACTIONS, NONCE, Action, Asked, Done, new_nonce
from django_tasks_kubernetes.admin.audit import note
from django_tasks_kubernetes.admin.base import person, require
from django_tasks_kubernetes.admin.many import ACTION_MAX, Report, do_all
from django_tasks_kubernetes.admin.nav import for_superusers, list_url, problem_of, url
from django_tasks_kubernetes.admin.one_task import may_see, task_for
from django_tasks_kubernetes.admin.page import Page, frame
from django_tasks_kubernetes.admin.parts import TEMPLATES
from django_tasks_kubernetes.admin.places import Place, joined, known_as, parted, split
from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.enqueue.validation import dashed, valid_name
from django_tasks_kubernetes.presentation.rows import Row, row
from django_tasks_kubernetes.presentation.text import one_line

if TYPE_CHECKING:
    from django_tasks_kubernetes.admin.base import ClusterAdmin

REASON_MAX_CHARS: Final = 200
SHOWN_MAX: Final = 20


def confirm(
    admin: "ClusterAdmin",
    request: HttpRequest,
    action: Action,
    found: Iterable[tuple[str, Row]],
    place: Place,
    back_url: str = "",
) -> HttpResponseBase:
    """Asks. `found`: the tasks, by their primary keys. `back_url`: of the page that somebody comes from, where that is
    not the list whose parameters the request has."""
    back = "" if back_url else request.GET.urlencode()
    listed = list(found)[:ACTION_MAX]
    refused = Counter(words for _pk, row in listed if (words := action.refuses(row)))
    wanted = [(pk, row) for pk, row in listed if not action.refuses(row)]
    missing = action.missing(place)
    context = {
        "missing": for_superusers(request, missing, _("Ask your administrator.")) if missing else "",
        "wanted": len(wanted),
        "done_before": action.done_before(place, [row for _pk, row in wanted]),
        "by_phase": Counter(row.phase for _pk, row in wanted).most_common(),
        "by_queue": Counter(row.queue for _pk, row in wanted).most_common(SHOWN_MAX),
        "refused": refused.most_common(),
        "shown": wanted[:SHOWN_MAX],
        "pks": joined(pk for pk, _row in wanted),
        "nonce": new_nonce(),
    }
    return _page(admin, request, action, place, context | ({"back_url": back_url} if back_url else {}), back)


def _page(
    admin: "ClusterAdmin", request: HttpRequest, action: Action, place: Place, context: Mapping[str, Any], back: str
) -> HttpResponseBase:
    """`back`: the parameters of the list that somebody comes from."""
    context = {
        **frame(admin, request, action.question, "tasks", place),
        "act": action,
        "act_url": url(admin.admin_site, "task_act"),
        "back": back,
        "back_url": list_url(admin.admin_site, "task", place, back),
        "reason_max": REASON_MAX_CHARS,
        "reason": "",
        **context,
    }
    return TemplateResponse(request, f"{TEMPLATES}/confirm.html", context)


class ConfirmPage(Page):
    """Asks about one task."""

    action: ClassVar[str]

    @method_decorator(require_safe)
    def respond(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        action = ACTIONS[self.action]
        try:
            place, name, resource = task_for(self.admin, request, object_id, action.permission)
        except (TaskException, ImproperlyConfigured) as error:
            problem = problem_of(error, request)
            messages.error(request, f"{problem.title}. {problem.words}")
            return HttpResponseRedirect(url(self.admin.admin_site, "task_change", object_id))
        back_url = url(self.admin.admin_site, "task_change", quote(place.pk(name)))
        return confirm(self.admin, request, action, [(place.pk(name), row(resource))], place, back_url)


class CancelPage(ConfirmPage):
    action = "cancel"


class AgainPage(ConfirmPage):
    action = "again"


class DeletePage(ConfirmPage):
    action = "delete"


class ActPage(Page):
    """Does what the form says."""

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def respond(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        require(request, "view_task")
        if request.method != "POST":
            return HttpResponseRedirect(url(self.admin.admin_site, "task_changelist"))
        action = ACTIONS.get(request.POST.get("act", ""))
        if action is None or not NONCE.fullmatch(request.POST.get("nonce", "")):
            raise BadRequest("The form is incomplete.")
        require(request, action.permission)
        pks = list(dict.fromkeys(known_as(pk, dashed) for pk in parted(request.POST.get("pks", ""))))
        if not 0 < len(pks) <= ACTION_MAX:
            raise BadRequest(f"The form must name 1 to {ACTION_MAX} tasks.")
        reason = one_line(request.POST.get("reason", ""))[:REASON_MAX_CHARS]
        asked = Asked(user=person(request), reason=reason, nonce=request.POST["nonce"])
        report = do_all(pks, partial(self._one, request, action, asked))
        note(request, action, asked, report)
        forget()
        return self._answer(request, action, asked, pks, report)

    def _one(self, request: HttpRequest, action: Action, asked: Asked, pk: str) -> Done | str:
        place, name = split(pk)
        if place is None:
            return _("does not exist any more")
        name, resource = valid_name(name), None
        if action.needs_resource or self.admin.queues_for(request) is not None:
            resource = place.store.get(name)
            if not may_see(self.admin, request, resource):
                return _("does not exist any more")
        return action.run(place, name, resource, asked)

    def _answer(
        self, request: HttpRequest, action: Action, asked: Asked, pks: list[str], report: Report
    ) -> HttpResponseBase:
        if report.done:
            number = len(report.done)
            words = ngettext("%(label)s: %(number)s task.", "%(label)s: %(number)s tasks.", number)
            messages.success(request, words % {"label": action.label, "number": number})
        for words, number in Counter(report.left_alone.values()).items():
            text = ngettext(
                "%(number)s task was left alone: it %(why)s.", "%(number)s tasks were left alone: each %(why)s.", number
            )
            messages.warning(request, text % {"number": number, "why": words})
        for words, number in Counter(report.failed.values()).most_common(SHOWN_MAX):
            text = ngettext("%(number)s task: %(why)s", "%(number)s tasks: %(why)s", number)
            why = for_superusers(request, words, _("The cluster refused it. Ask your administrator."))
            messages.error(request, text % {"number": number, "why": why})
        place, _name = split(pks[0])
        if report.to_do and not report.failed and place is not None:
            left: dict[str, Any] = {"wanted": len(report.to_do), "pks": joined(report.to_do), "nonce": asked.nonce}
            left |= {"goes_on": True, "reason": asked.reason}
            return _page(self.admin, request, action, place, left, request.POST.get("back", ""))
        return HttpResponseRedirect(self._next(action, place, pks, report, request.POST.get("back", "")))

    def _next(self, action: Action, place: Place | None, pks: list[str], report: Report, back: str) -> str:
        """The task that was made, or the one that it was about, or the list as it was filtered."""
        site = self.admin.admin_site
        if len(pks) != 1 or (action.name == "delete" and report.done):
            return url(site, "task_changelist") if place is None else list_url(site, "task", place, back)
        done = report.done.get(pks[0])
        pk = place.pk(done.made) if place is not None and done is not None and done.made else pks[0]
        return url(site, "task_change", quote(pk))
