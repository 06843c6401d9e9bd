"""The list of schedules, and the page of one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.http import Http404, HttpRequest
from django.utils import dateformat, timezone
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.base import may
from django_tasks_kubernetes.admin.cron_words import words_of
from django_tasks_kubernetes.admin.nav import Problem, problem_of, url
from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import kept
from django_tasks_kubernetes.admin.schedule_actions import may_act
from django_tasks_kubernetes.admin.schedule_bulk import VERBS
from django_tasks_kubernetes.admin.schedule_reading import End, ScheduleReading, read_schedules
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.schedule_rows import record
from django_tasks_kubernetes.presentation.schedule_times import next_times
from django_tasks_kubernetes.presentation.text import moment, safe
from djangotasks_api.schedules.cron import InvalidSchedule

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
    """Each with its address."""

    may_act: bool
    """Whether all that it enqueues is of queues that the person may see."""

    tasks_url: str
    """The list of all that it made."""


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
        rows = self.lines(request, place, answer.value, NEXT)
        found = [row for row in rows if _has(row, text)]
        rights = self.rights(request, answer.value)
        return context | {
            "schedules": found,
            "number": len(rows),
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

    def lines(
        self, request: HttpRequest, place: Place, reading: ScheduleReading, number: int, only: str | None = None
    ) -> list[Shown]:
        """Those that the person may see. `number`: of next times."""
        allowed = self.admin.queues_for(request)
        return [
            self._line(
                place, resource, reading.ends.get(resource["metadata"]["name"], []), number, may_act(allowed, resource)
            )
            for resource in reading.resources
            if (only is None or resource["metadata"]["name"] == only)
            and (allowed is None or record(resource, [])["queue"] in allowed)
        ]

    def _line(self, place: Place, resource: Resource, ends: Iterable[End], number: int, acts: bool) -> Shown:
        name, spec, site = resource["metadata"]["name"], resource["spec"], self.admin.admin_site
        problem, times = "", []
        try:
            times = list(next_times(resource, timezone.now(), number))
        except InvalidSchedule as error:
            problem = safe(str(error))
        shown = record(resource, times)
        more = {} if place.is_only else {"backend": place.alias}
        what = "workflow" if shown["is_workflow"] else "task"
        filters = {"q": name} if shown["is_workflow"] else {"schedule": name}
        return Shown(
            pk=place.pk(name),
            record={key: _safe(value) for key, value in shown.items()},
            timing=_timing(spec),
            words=words_of(spec),
            times=[_time(at) for at in times],
            problem=problem,
            ends=[(end, url(site, f"{what}_change", quote(place.pk(end.id)))) for end in ends],
            may_act=acts,
            tasks_url=f"{url(site, f'{what}_changelist')}?{urlencode(filters | more)}",
        )


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
        found = next(iter(self.lines(request, place, answer.value, NEXT_OF_ONE, only=name)), None)
        if found is None:
            raise Http404
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


def _has(row: Shown, text: str) -> bool:
    values = (row.record["name"], row.record["task"], row.record["queue"], row.timing)
    return any(text.lower() in str(value).lower() for value in values)
