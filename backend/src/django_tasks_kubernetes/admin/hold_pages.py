"""Forms with which people hold a queue, and release it: they ask, and a POST does it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AdminIntegerFieldWidget, AdminTextareaWidget, AdminTextInputWidget
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.tasks.exceptions import TaskException
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from django_tasks_kubernetes.admin import nav
from django_tasks_kubernetes.admin.audit import kept
from django_tasks_kubernetes.admin.base import person, require
from django_tasks_kubernetes.admin.page import frame
from django_tasks_kubernetes.admin.parts import TEMPLATES
from django_tasks_kubernetes.admin.places import Place, split
from django_tasks_kubernetes.admin.queue_lines import HoldLine, hold_line
from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import is_dns_label
from django_tasks_kubernetes.exceptions import HoldRefused
from django_tasks_kubernetes.models import Queue
from django_tasks_kubernetes.presentation.text import moment, span
from djangotasks_api.bounds import HOLD_BY_MAX_CHARS, HOLD_CONCURRENCY, HOLD_REASON_MAX_CHARS

if TYPE_CHECKING:
    from django_tasks_kubernetes.admin.base import ClusterAdmin
    from django_tasks_kubernetes.stores.holds import HoldStore

# Between two clicks. A hold for a while ends so much later with the second.
TWICE: Final = timedelta(minutes=1)


class Confirmation(forms.Form):
    """`version`: of the hold that the person saw. Nothing is done to another one."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)


class HoldForm(Confirmation):
    concurrency = forms.IntegerField(
        label=gettext_lazy("Run at once, at most"),
        min_value=HOLD_CONCURRENCY.least,
        max_value=HOLD_CONCURRENCY.most,
        initial=0,
        widget=AdminIntegerFieldWidget,
        help_text=gettext_lazy("With 0 nothing starts. What runs goes on in any case."),
    )
    length = forms.CharField(
        label=gettext_lazy("For"),
        required=False,
        max_length=20,
        widget=AdminTextInputWidget,
        help_text=gettext_lazy("Such as 30m, 2h or 1d12h. Empty: until somebody releases it."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=HOLD_REASON_MAX_CHARS,
        widget=AdminTextareaWidget(attrs={"rows": 2}),
        help_text=gettext_lazy("Is shown with the queue, to everybody who may see it."),
    )

    def clean_length(self) -> str:
        text: str = self.cleaned_data["length"].strip()
        if text and not span(text):
            raise forms.ValidationError(_("That is no length of time. Write it like 30m, 2h or 1d12h."))
        return text

    def until(self, now: datetime) -> datetime | None:
        """When it is to be over. Raises OverflowError."""
        length = span(self.cleaned_data["length"])
        return None if length is None else now + length


class _Page:
    """A form about the hold of one queue. A subclass says what its POST does."""

    template: ClassVar[str]
    title: ClassVar[Any]
    form_class: ClassVar[type[Confirmation]]

    def __init__(self, admin: "ClusterAdmin") -> None:
        self.admin = admin

    def act(self, request: HttpRequest, holds: "HoldStore", queue: str, known: Resource | None, form: Any) -> str:
        """Does it, and returns what was done in a few words. Raises TaskException and OverflowError."""
        raise NotImplementedError

    def is_done(self, request: HttpRequest, holds: "HoldStore", known: Resource | None, form: Any) -> bool:
        """Whether the hold is what the form asks for: it was sent twice, as by a double click."""
        return False

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def respond(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        """Asks on a GET, and does it on a POST."""
        require(request, "view_queue")
        require(request, "hold_queue")
        place, queue = self._queue(request, object_id)
        from django_tasks_kubernetes.stores.holds import connect

        problem, known = None, None
        form = self.form_class(request.POST if request.method == "POST" else None)
        try:
            if place.client is None:
                raise Http404
            holds = connect(place.backend.parsed_options.for_pages())
            known = holds.held(queue)
            if request.method == "POST" and form.is_valid():
                if (answer := self._act(request, place, queue, holds, known, form)) is not None:
                    return answer
                form.add_error(None, _("Somebody else has changed it meanwhile. See how it is now, and decide again."))
        except (TaskException, ImproperlyConfigured) as error:
            problem = nav.problem_of(error, request)
        except OverflowError:
            form.add_error("length", _("That is too long. Leave it empty for a hold without an end."))
        return TemplateResponse(
            request,
            f"{TEMPLATES}/{self.template}",
            {
                **frame(self.admin, request, self.title, "queues", place),
                "problem": problem,
                "queue": queue,
                "known": None if known is None else hold_line(known),
                "version": version_of(known),
                "form": form,
            },
            status=200 if problem is None else 503,
        )

    def _act(
        self, request: HttpRequest, place: Place, queue: str, holds: "HoldStore", known: Resource | None, form: Any
    ) -> HttpResponseBase | None:
        """None where it is another hold than the one that the person saw. Raises TaskException and OverflowError."""
        if form.cleaned_data["version"] == version_of(known):
            try:
                return self._done(request, place, queue, self.act(request, holds, queue, known, form))
            except HoldRefused:
                # The other click may have been faster by less than it takes to read.
                if not self.is_done(request, holds, holds.held(queue), form):
                    raise
        elif not self.is_done(request, holds, known, form):
            return None
        return redirect(nav.list_url(self.admin.admin_site, "queue", place))

    def _queue(self, request: HttpRequest, object_id: str | None) -> tuple[Place, str]:
        """Raises Http404, also for a queue that the person may not see."""
        place, queue = split(unquote(object_id or ""))
        allowed = self.admin.queues_for(request)
        if place is None or not is_dns_label(queue):
            raise Http404
        if allowed is not None and queue not in allowed:
            raise Http404
        return place, queue

    def _done(self, request: HttpRequest, place: Place, queue: str, words: str) -> HttpResponseBase:
        forget()
        with kept(request, f"{queue}: {words}"):
            self.admin.log_change(request, Queue(pk=place.pk(queue)), words)
        messages.success(request, _("Queue {name}: {what}").format(name=queue, what=words))
        return redirect(nav.list_url(self.admin.admin_site, "queue", place))


class HoldPage(_Page):
    template = "hold.html"
    title = gettext_lazy("Hold a queue")
    form_class = HoldForm

    def act(self, request: HttpRequest, holds: "HoldStore", queue: str, known: Resource | None, form: Any) -> str:
        spec = self._asked(request, form)
        if (until := form.until(holds.now())) is not None:
            spec["until"] = until.isoformat(timespec="seconds").replace("+00:00", "Z")
        made = holds.create(queue, spec) if known is None else holds.replace(known, spec)
        return said(hold_line(made))

    def is_done(self, request: HttpRequest, holds: "HoldStore", known: Resource | None, form: Any) -> bool:
        if known is None or known["spec"] | self._asked(request, form) != known["spec"]:
            return False
        until = moment(known["spec"].get("until"))
        asked: datetime | None = form.until(holds.now())
        if until is None or asked is None:
            return until is asked
        return abs(until - asked) < TWICE

    def _asked(self, request: HttpRequest, form: Any) -> dict[str, Any]:
        """The hold's spec, but for its end."""
        return {
            "concurrency": form.cleaned_data["concurrency"],
            "by": person(request)[:HOLD_BY_MAX_CHARS],
            "reason": form.cleaned_data["reason"],
        }


class ReleasePage(_Page):
    template = "release.html"
    title = gettext_lazy("Release a queue")
    form_class = Confirmation

    def act(self, request: HttpRequest, holds: "HoldStore", queue: str, known: Resource | None, form: Any) -> str:
        if known is not None:
            holds.delete(known, unchanged=True)
        return _("released")


def version_of(hold: Mapping[str, Any] | None) -> str:
    return "" if hold is None else f"{hold['metadata']['uid']}/{hold['metadata']['resourceVersion']}"


def said(hold: HoldLine) -> str:
    """For the admin's log."""
    until = _(" until {time}").format(time=hold.until.isoformat(sep=" ", timespec="minutes")) if hold.until else ""
    return f"{hold.effect}{until}: {hold.reason}"
