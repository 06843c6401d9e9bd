"""What people do to a schedule: run it now, suspend it, resume it."""

from datetime import UTC, datetime
from typing import ClassVar

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.http import Http404, HttpRequest
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_tasks_kubernetes.admin.asking import AskingPage, Done, new_name
from django_tasks_kubernetes.admin.base import person
from django_tasks_kubernetes.admin.nav import url_if_there
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.schedule_reading import read_schedule, store_of
from django_tasks_kubernetes.admin.workflow_actions import requested
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import ScheduleDoesNotExist
from django_tasks_kubernetes.presentation.schedule_rows import record, template_of
from django_tasks_kubernetes.presentation.text import safe
from django_tasks_kubernetes.presentation.workflow_rows import queues_of
from django_tasks_kubernetes.store import store_of as task_store_of
from django_tasks_kubernetes.stores.schedules import ScheduleStore
from djangotasks_api.schedules.resource import scheduled


def schedule_for(allowed: set[str] | None, place: Place, name: str) -> Resource | None:
    """None where there is none of which all tasks are of these queues. Raises TaskException."""
    try:
        found = read_schedule(place, name)
    except (ScheduleDoesNotExist, TaskResultDoesNotExist):
        return None
    if found is None or not may_act(allowed, found):
        return None
    return found


def may_act(allowed: set[str] | None, schedule: Resource) -> bool:
    """Whether all that a schedule enqueues is of these queues: steps of its workflow may name others."""
    return allowed is None or queues_of(template_of(schedule["spec"])[1]).issubset(allowed)


def run_now(place: Place, name: str, schedule: Resource, id_: str, by: str) -> Resource:
    """Creates what a schedule creates, under this id. Raises TaskException."""
    now = datetime.now(UTC)
    made = scheduled(name, schedule["spec"], now, now, name=id_)
    task_store_of(place.store, made).create(requested(made, id_, by))
    return made


def suspend(store: ScheduleStore, name: str, schedule: Resource, suspends: bool) -> bool:
    """Suspends or resumes a schedule. Returns whether that has changed it. Raises TaskException."""
    store.suspend(name, suspends)
    return bool(schedule["spec"].get("suspended")) is not suspends


class ScheduleActionPage(AskingPage):
    tab = "schedules"

    def schedule(self, request: HttpRequest, place: Place, name: str) -> Resource:
        """Raises Http404, and TaskException."""
        found = schedule_for(self.admin.queues_for(request), place, name)
        if found is None:
            raise Http404
        return found


class RunPage(ScheduleActionPage):
    """Creates what the schedule creates, as `manage.py schedules run` does: it needs no right but to create tasks."""

    title = gettext_lazy("Run a schedule now")
    permission = "run_schedule"
    verb = gettext_lazy("Yes, run it now")

    def question(self, request: HttpRequest, place: Place, name: str) -> str:
        found = record(self.schedule(request, place, name), [])
        return _("Run %(name)s now? It enqueues %(task)s once, whatever its times, and its next times stay.") % {
            "name": name, "task": safe(found["task"]) or _("its workflow")
        }  # fmt: skip

    def act(self, request: HttpRequest, place: Place, name: str) -> Done:
        id_ = new_name(request)
        made = run_now(place, name, self.schedule(request, place, name), id_, person(request))
        kind = "workflow" if made["spec"].get("steps") is not None else "task"
        made_url = url_if_there(self.admin.admin_site, f"{kind}_change", quote(place.pk(id_)))
        address = made_url or self.change_url(place, name)
        return Done(_("It was enqueued as %(id)s.") % {"id": id_}, _("Run now, as %(id)s") % {"id": id_}, address)


class SuspendPage(ScheduleActionPage):
    title = gettext_lazy("Suspend a schedule")
    permission = "change_schedule"
    verb = gettext_lazy("Yes, suspend it")
    suspends: ClassVar[bool] = True

    def question(self, request: HttpRequest, place: Place, name: str) -> str:
        self.schedule(request, place, name)
        if self.suspends:
            return _("Suspend %(name)s? Nothing is enqueued until it is resumed.") % {"name": name}
        return _("Resume %(name)s? Its times from now on count; those that have passed are not made up for.") % {
            "name": name
        }

    def act(self, request: HttpRequest, place: Place, name: str) -> Done:
        back = self.change_url(place, name)
        if (store := store_of(place)) is None:
            words = _("A schedule that is only code cannot be suspended.")
            return Done(words, words, back, messages.ERROR)
        if not suspend(store, name, self.schedule(request, place, name), self.suspends):
            words = _("It was so already.")
            return Done(words, words, back, messages.WARNING)
        if self.suspends:
            return Done(_("It is suspended."), _("Suspended"), back)
        return Done(_("It is resumed."), _("Resumed"), back)


class ResumePage(SuspendPage):
    title = gettext_lazy("Resume a schedule")
    verb = gettext_lazy("Yes, resume it")
    suspends = False
