"""Pages that ask before something is done to one workflow or schedule: a GET asks, a POST does it, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.tasks.exceptions import TaskException
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from django_tasks_kubernetes.admin.audit import kept
from django_tasks_kubernetes.admin.base import person, require
from django_tasks_kubernetes.admin.keeping import Answer
from django_tasks_kubernetes.admin.nav import problem_of, url
from django_tasks_kubernetes.admin.page import Page
from django_tasks_kubernetes.admin.places import Place, split
from django_tasks_kubernetes.admin.reading import forget
from django_tasks_kubernetes.presentation.text import one_line
from djangotasks_api.bounds import CANCEL_REASON_MAX_CHARS
from djangotasks_api.task_ids import is_in_order, new_id


@dataclass(frozen=True, slots=True)
class Done:
    """What a POST has done."""

    message: str
    """For the person."""

    record: str
    """For the history of the object."""

    address: str
    """The page to go on with."""

    level: int = messages.SUCCESS


class AskingPage(Page):
    """A subclass says what is asked, and does it. Its permission is that of the action."""

    name = "asking"
    verb: ClassVar[Any]
    """On the button."""

    asks_reason: ClassVar[bool] = False

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def respond(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        require(request, self.admin.view_permission)
        if request.method != "POST":
            return super().respond(request, object_id)
        require(request, self.permission)
        place, name = split(unquote(object_id or ""))
        if place is None:
            raise Http404
        try:
            self.question(request, place, name)
            done = self.act(request, place, name)
        except (TaskException, ImproperlyConfigured) as error:
            problem = problem_of(error, request)
            messages.error(request, f"{problem.title}. {problem.words}")
            return HttpResponseRedirect(request.get_full_path())
        finally:
            forget()
        pk = place.pk(name)
        with kept(request, f"{pk}: {done.record}"):
            self.admin.log_change(request, self.admin.model(pk=pk), done.record)
        messages.add_message(request, done.level, done.message)
        return HttpResponseRedirect(done.address)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        """Of the question."""
        answer: Answer[str]
        try:
            answer = Answer(value=self.question(request, place, name), as_of=datetime.now(UTC))
        except (TaskException, ImproperlyConfigured) as error:
            answer = Answer(value=None, as_of=datetime.now(UTC), problem=error)
        return {
            "answer": answer,
            "question": answer.value,
            "pk": place.pk(name),
            "verb": self.verb,
            "asks_reason": self.asks_reason,
            "reason_max": CANCEL_REASON_MAX_CHARS,
            # What is created has this name: the same POST, sent twice, creates one.
            "new_id": new_id(),
            "back_url": self.change_url(place, name),
        }

    def question(self, request: HttpRequest, place: Place, name: str) -> str:
        """Raises Http404 for what the person may not see, also before `act`; and TaskException."""
        raise NotImplementedError

    def act(self, request: HttpRequest, place: Place, name: str) -> Done:
        """Raises TaskException."""
        raise NotImplementedError

    def change_url(self, place: Place, name: str) -> str:
        """Of the object's page."""
        return url(self.admin.admin_site, f"{self.admin.opts.model_name}_change", quote(place.pk(name)))


def new_name(request: HttpRequest) -> str:
    """The name of what a form creates. Raises BadRequest for one that no form has."""
    name = request.POST.get("new_id", "")
    if not is_in_order(name):
        raise BadRequest("new_id")
    return name


def reason_of(request: HttpRequest) -> str:
    """The reason that the form gives, after who asks."""
    words = one_line(request.POST.get("reason", ""))
    return (f"{person(request)}: {words}" if words else f"by {person(request)}")[:CANCEL_REASON_MAX_CHARS]
