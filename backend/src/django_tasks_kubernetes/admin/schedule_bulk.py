"""What people do to several schedules at once: a POST of the list asks, and that of the question does it."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from django_tasks_kubernetes.admin.actions import NONCE, Asked, Done, new_nonce
from django_tasks_kubernetes.admin.audit import kept
from django_tasks_kubernetes.admin.base import person, require
from django_tasks_kubernetes.admin.many import ACTION_MAX, Report, do_all
from django_tasks_kubernetes.admin.nav import for_superusers, list_url, url
from django_tasks_kubernetes.admin.page import Page, frame
from django_tasks_kubernetes.admin.parts import TEMPLATES
from django_tasks_kubernetes.admin.places import Place, joined, known_as, parted, place_of, split
from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.admin.schedule_actions import run_now, schedule_for, suspend
from django_tasks_kubernetes.admin.schedule_reading import store_of

SHOWN_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    name: str
    permission: str
    label: Any
    question: Any
    button: Any
    consequence: Any
    suspends: bool | None = None
    """None for one that runs them."""


VERBS: Final[dict[str, Verb]] = {
    verb.name: verb
    for verb in (
        Verb(
            name="run",
            permission="run_schedule",
            label=gettext_lazy("Run now"),
            question=gettext_lazy("Run these schedules now?"),
            button=gettext_lazy("Yes, run them now"),
            consequence=gettext_lazy("Each enqueues what it enqueues, once, and its next times stay."),
        ),
        Verb(
            name="suspend",
            permission="change_schedule",
            label=gettext_lazy("Suspend"),
            question=gettext_lazy("Suspend these schedules?"),
            button=gettext_lazy("Yes, suspend them"),
            consequence=gettext_lazy("Nothing of them is enqueued until they are resumed."),
            suspends=True,
        ),
        Verb(
            name="resume",
            permission="change_schedule",
            label=gettext_lazy("Resume"),
            question=gettext_lazy("Resume these schedules?"),
            button=gettext_lazy("Yes, resume them"),
            consequence=gettext_lazy("Times from now on count; those that have passed are not made up for."),
            suspends=False,
        ),
    )
}


class SchedulesActPage(Page):
    """Asks, or does what the form says that asked."""

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def respond(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        require(request, "view_schedule")
        place = place_of(request.POST.get("backend"))
        if place is None:
            raise Http404
        if request.method != "POST":
            return HttpResponseRedirect(list_url(self.admin.admin_site, "schedule", place))
        if (verb := VERBS.get(request.POST.get("act", ""))) is None:
            raise BadRequest("act")
        require(request, verb.permission)
        back = request.POST.get("back", "")
        named = request.POST.getlist("pk") or parted(request.POST.get("pks", ""))
        pks = list(dict.fromkeys(known_as(pk) for pk in named))
        if not pks:
            messages.warning(request, _("No schedule is selected."))
            return HttpResponseRedirect(list_url(self.admin.admin_site, "schedule", place, back))
        if len(pks) > ACTION_MAX:
            raise BadRequest(f"The form must name 1 to {ACTION_MAX} schedules.")
        nonce = request.POST.get("nonce", "")
        if not nonce:
            return self._ask(request, place, verb, {"pks": pks, "nonce": new_nonce()})
        if not NONCE.fullmatch(nonce):
            raise BadRequest("nonce")
        return self._do(request, place, verb, pks, nonce)

    def _do(self, request: HttpRequest, place: Place, verb: Verb, pks: list[str], nonce: str) -> HttpResponseBase:
        asked, back = Asked(user=person(request), reason="", nonce=nonce), request.POST.get("back", "")
        try:
            report = do_all(pks, partial(_one, self.admin.queues_for(request), verb, asked))
        finally:
            forget()
        with kept(request, f"{verb.label}: {', '.join(report.done)}"):
            for pk, done in report.done.items():
                made = _("Run now, as %(id)s") % {"id": done.made}
                words = made if done.made else _("Suspended") if verb.suspends else _("Resumed")
                self.admin.log_change(request, self.admin.model(pk=pk), words)
        _tell(request, verb, report)
        if report.to_do and not report.failed:
            return self._ask(request, place, verb, {"pks": report.to_do, "nonce": nonce, "goes_on": True})
        return HttpResponseRedirect(list_url(self.admin.admin_site, "schedule", place, back))

    def _ask(self, request: HttpRequest, place: Place, verb: Verb, context: dict[str, Any]) -> HttpResponseBase:
        pks, back = context["pks"], request.POST.get("back", "")
        context |= {
            **frame(self.admin, request, verb.question, "schedules", place),
            "verb": verb,
            "number": len(pks),
            "names": [split(pk)[1] for pk in pks[:SHOWN_MAX]],
            "pks": joined(pks),
            "backend": "" if place.is_only else place.alias,
            "act_url": url(self.admin.admin_site, "schedule_act"),
            "back": back,
            "list_url": list_url(self.admin.admin_site, "schedule", place, back),
        }
        return TemplateResponse(request, f"{TEMPLATES}/schedules_confirm.html", context)


def _one(allowed: set[str] | None, verb: Verb, asked: Asked, pk: str) -> Done | str:
    place, name = split(pk)
    schedule = schedule_for(allowed, place, name) if place is not None else None
    if place is None or schedule is None:
        return _("does not exist any more")
    if verb.suspends is None:
        id_ = asked.new_id(place.pk(name))
        run_now(place, name, schedule, id_, asked.user)
        return Done(name, id_)
    if (store := store_of(place)) is None:
        return _("is only code")
    return Done(name) if suspend(store, name, schedule, verb.suspends) else _("was so already")


def _tell(request: HttpRequest, verb: Verb, report: Report) -> None:
    if number := len(report.done):
        words = ngettext("%(label)s: %(number)s schedule.", "%(label)s: %(number)s schedules.", number)
        messages.success(request, words % {"label": verb.label, "number": number})
    for why, number in Counter(report.left_alone.values()).items():
        words = ngettext(
            "%(number)s schedule was left alone: it %(why)s.",
            "%(number)s schedules were left alone: each %(why)s.",
            number,
        )
        messages.warning(request, words % {"number": number, "why": why})
    for why, number in Counter(report.failed.values()).most_common(SHOWN_MAX):
        words = ngettext("%(number)s schedule: %(why)s", "%(number)s schedules: %(why)s", number)
        shown = for_superusers(request, why, _("The cluster refused it. Ask your administrator."))
        messages.error(request, words % {"number": number, "why": shown})
