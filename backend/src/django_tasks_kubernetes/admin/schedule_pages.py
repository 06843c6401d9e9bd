"""The list of schedules, and the page of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest
from django.utils import dateformat, timezone
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.base import may
from django_tasks_kubernetes.admin.cron_words import words_of
from django_tasks_kubernetes.admin.nav import Problem, problem_of, url, url_if_there
from django_tasks_kubernetes.admin.next_times import NEXT_TIMES
from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import kept
from django_tasks_kubernetes.admin.schedule_actions import may_act
from django_tasks_kubernetes.admin.schedule_bulk import VERBS
from django_tasks_kubernetes.admin.schedule_ends import End, Ends, read_ends_of
from django_tasks_kubernetes.admin.schedule_reading import ScheduleReading, read_schedules
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.schedule_rows import record
from django_tasks_kubernetes.presentation.text import moment, safe
from djangotasks_api.schedules.cron import InvalidSchedule

PER_PAGE: Final = 100
# Parameters that the links to other pages of the list keep.
KEPT: Final = ("q", "backend")
NEXT: Final = 3
NEXT_OF_ONE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """A time to come, as the schedule has it, and as the reader has it."""

    at: datetime
    own: str
    is_same: bool
    """Whether both read the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A line of the list."""

    pk: str
    record: Mapping[str, Any]
    timing: str
    words: str
    times: list[Time]
    problem: str
    """Why there are no times."""

    ends: list[tuple[End, str]]
    """Each with its address, which is empty where the site has no such page."""

    has_unread: bool
    """Whether there are too many to know the last ones."""

    may_act: bool
    """Whether all that it enqueues is of queues that the person may see."""

    tasks_url: str
    """The list of all that it made; empty where the site has none."""


class SchedulesPage(Page):
    name = "schedules"
    title = _("Schedules")
    permission = "view_schedule"
    parts = ("schedules",)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        answer = kept(place, "schedules", lambda: read_schedules(place), fresh=is_fresh(request))
        text = request.GET.get("q", "").strip()
        context: dict[str, Any] = {"answer": answer, "text": text}
        if answer.value is None:
            return context
        mine = self.seen(request, answer.value)
        page = Paginator([one for one in mine if _has(one, text)], PER_PAGE).get_page(request.GET.get("p"))
        rights = self.rights(request, answer.value)
        return context | {
            "schedules": [self.line(request, place, one, answer.value.ends, NEXT) for one in page],
            "number": len(mine),
            "page": page,
            "query": urlencode({name: value for name, value in request.GET.items() if name in KEPT}),
            "verbs": [verb for verb in VERBS.values() if rights["may_run" if verb.suspends is None else "may_change"]],
            "act_url": url(self.admin.admin_site, "schedule_act"),
            **rights,
        }

    def rights(self, request: HttpRequest, reading: ScheduleReading) -> dict[str, Any]:
        missing: Problem | None = problem_of(reading.missing, request) if reading.missing is not None else None
        return {
            "missing": missing,
            "is_declared": reading.is_declared,
            "may_run": may(request, "run_schedule"),
            "may_change": may(request, "change_schedule") and not reading.is_declared,
        }

    def seen(self, request: HttpRequest, reading: ScheduleReading) -> list[Resource]:
        """Those that the person may see."""
        allowed = self.admin.queues_for(request)
        return [one for one in reading.resources if allowed is None or record(one, [])["queue"] in allowed]

    def line(self, request: HttpRequest, place: Place, resource: Resource, ends: Ends, number: int) -> Shown:
        """`number`: of next times."""
        name, spec, site = resource["metadata"]["name"], resource["spec"], self.admin.admin_site
        problem, times = "", list[datetime]()
        try:
            times = NEXT_TIMES.of(resource, datetime.now(UTC), number)
        except InvalidSchedule as error:
            problem = safe(str(error))
        shown = record(resource, times)
        more = {} if place.is_only else {"backend": place.alias}
        what = "workflow" if shown["is_workflow"] else "task"
        filters = {"q": name} if shown["is_workflow"] else {"schedule": name}
        made_url = url_if_there(site, f"{what}_changelist")
        return Shown(
            pk=place.pk(name),
            record={key: _safe(value) for key, value in shown.items()},
            timing=_timing(spec),
            words=words_of(spec),
            times=[_time(at) for at in times],
            problem=problem,
            ends=[(end, self._address(place, end)) for end in ends.of.get(name, ())],
            has_unread=name in ends.unread,
            may_act=may_act(self.admin.queues_for(request), resource),
            tasks_url=f"{made_url}?{urlencode(filters | more)}" if made_url else "",
        )

    def _address(self, place: Place, end: End) -> str:
        """Of what came of a time: a schedule may have made tasks before it made workflows."""
        page = "workflow_change" if end.is_workflow else "task_change"
        return url_if_there(self.admin.admin_site, page, quote(place.pk(end.id)))


class SchedulePage(SchedulesPage):
    name = "schedule"
    tab = "schedules"
    title = _("Schedule")
    parts = ("schedule",)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        answer = kept(place, "schedules", lambda: read_schedules(place), fresh=is_fresh(request))
        context: dict[str, Any] = {"answer": answer, "title": name}
        if answer.value is None:
            return context
        mine = (one for one in self.seen(request, answer.value) if one["metadata"]["name"] == name)
        if (resource := next(mine, None)) is None:
            raise Http404
        ends = answer.value.ends
        if name in ends.unread and answer.problem is None:
            read = kept(place, ("ends", name), lambda: read_ends_of(place, resource), fresh=is_fresh(request))
            ends = read.value or ends
        found = self.line(request, place, resource, ends, NEXT_OF_ONE)
        return context | {
            "one": found,
            "last": moment(found.record["last_scheduled_for"]),
            **self.rights(request, answer.value),
        }


def _time(at: datetime) -> Time:
    local = timezone.localtime(at)
    return Time(at=at, own=dateformat.format(at, "D Y-m-d H:i"), is_same=local.utcoffset() == at.utcoffset())


def _timing(spec: Mapping[str, Any]) -> str:
    if (minutes := spec.get("everyMinutes")) is not None:
        return str(_("every %(number)s min") % {"number": minutes})
    return safe(", ".join(spec.get("cron") or ()))


def _safe(value: Any) -> Any:
    return safe(value) if isinstance(value, str) else value


def _has(resource: Resource, text: str) -> bool:
    shown = record(resource, [])
    values = (shown["name"], shown["task"], shown["queue"], _timing(resource["spec"]))
    return any(text.lower() in str(value).lower() for value in values)
