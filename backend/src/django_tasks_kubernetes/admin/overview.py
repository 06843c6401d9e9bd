"""The overview: what waits and why, what runs, what ended, and what failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin import charts, figures
from django_tasks_kubernetes.admin.criteria import UNFINISHED, criteria_of
from django_tasks_kubernetes.admin.failure_groups import grouped, open_of, retried_of
from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import ROWS_MAX, Reading, View, count, kept, read
from django_tasks_kubernetes.admin.windows import WINDOWS, Window
from django_tasks_kubernetes.presentation.filters import EVER
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.text import moment
from djangotasks_api.phases import TERMINAL_PHASES, Phase

if TYPE_CHECKING:
    from django_tasks_kubernetes.codec.resource import Resource

LISTED: Final = 8
UNFINISHED_FIELDS: Final = criteria_of({"phase": UNFINISHED}).fields
ENDED_FIELDS: Final = criteria_of({"phase": ",".join(sorted(TERMINAL_PHASES))}).fields
FAILED_FIELDS: Final = criteria_of({"phase": Phase.FAILED}).fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the page is made of."""

    unfinished: Reading
    ended: Reading
    failed: Reading
    number: int
    is_due: bool
    """Whether a task that waits without a reason could have started."""


class OverviewPage(Page):
    name = "overview"
    title = _("Overview")
    parts = ("overview",)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        word = request.GET.get("within", "1h")
        if (window := WINDOWS.get(word)) is None:
            raise BadRequest(f"within={word!r}")
        fresh, now = is_fresh(request), timezone.now()
        answer = kept(place, "overview", lambda: _read(place, now, fresh=fresh), fresh=fresh)
        context = {
            "answer": answer,
            "window": window,
            "windows": list(WINDOWS.values()),
            "and_backend": "" if place.is_only else f"&backend={quote(place.alias, safe='')}",
        }
        if answer.value is None:
            return context
        allowed = self.admin.queues_for(request)
        return context | _shown(answer.value, allowed, window, now, timezone.get_current_timezone(), place)


def _read(place: Place, now: datetime, *, fresh: bool) -> Readings:
    """Four requests, and one more where it looks as if nothing started tasks."""

    def value(fields: str) -> Reading:
        answer = read(place, View(fields=fields, limit=ROWS_MAX), fresh=fresh)
        if answer.problem is not None or answer.value is None:
            # The first refusal is enough: the others would take as long.
            raise answer.problem or RuntimeError("There is neither an answer nor a problem.")
        return answer.value

    unfinished, ended, failed = value(UNFINISHED_FIELDS), value(ENDED_FIELDS), value(FAILED_FIELDS)
    number = count(place, fresh=fresh)
    if number.problem is not None:
        raise number.problem
    is_due = True
    if figures.quiet_since(unfinished.rows, ended.rows, now) is not None:
        is_due = _is_due(place, unfinished.rows[-1], now)
    return Readings(unfinished=unfinished, ended=ended, failed=failed, number=number.value or 0, is_due=is_due)


def _is_due(place: Place, row: Row, now: datetime) -> bool:
    """A table does not say for which time a task was deferred."""
    try:
        found: Resource = place.store.get(row.id)
    except TaskResultDoesNotExist:
        return False
    return (moment(found["spec"].get("runAfter")) or EVER) <= now


def _shown(
    readings: Readings, allowed: set[str] | None, window: Window, now: datetime, zone: tzinfo, place: Place
) -> dict[str, Any]:
    def mine(rows: Iterable[Row]) -> list[Row]:
        return [row for row in rows if allowed is None or row.queue in allowed]

    unfinished, ended, failed = (
        mine(reading.rows) for reading in (readings.unfinished, readings.ended, readings.failed)
    )
    buckets, hour = window.buckets(now, zone), WINDOWS["1h"].buckets(now, zone)
    in_window = [row for row in ended if buckets.place(row.finished_at) is not None]
    open_failures = open_of(failed, retried_of([*unfinished, *ended]))
    groups = grouped(open_failures, WINDOWS["30d"].buckets(now, zone), now)
    times, total = figures.percentiles(in_window, buckets), figures.overall(in_window, buckets)
    caption = _caption(readings.ended)
    quiet = figures.quiet_since(unfinished, ended, now) if readings.is_due else None
    return {
        "number": readings.number if allowed is None else None,
        "waiting": sum(figures.is_waiting(row) for row in unfinished),
        "oldest": figures.oldest(unfinished),
        "running": sum(row.phase == Phase.RUNNING for row in unfinished),
        "longest": next(iter(figures.running_longest(unfinished, 1)), None),
        "ended": len(in_window),
        "succeeded_percent": _percent(in_window),
        "open_failures": len(open_failures),
        "groups": groups,
        "newest_failure": next(iter(figures.latest_ends(open_failures, 1)), None),
        "cut": [reading for reading in (readings.unfinished, readings.failed) if not reading.is_complete],
        "quiet_since": quiet,
        "queues": [
            (found, charts.sparkline(f"ended-{number}", found.counts))
            for number, found in enumerate(figures.by_queue(unfinished, ended, hour))
        ],
        "ends": charts.ended("ended", str(window.unit), buckets, figures.ends(in_window, buckets), zone, caption),
        "waits": charts.durations("waited", str(_("Waiting")), buckets, times["waited"], zone, caption),
        "runs": charts.durations("ran", str(_("Running")), buckets, times["ran"], zone, caption),
        "overall": {name: {share: charts.seconds(v) for share, v in of.items()} for name, of in total.items()},
        "failures": [(place.pk(row.id), row) for row in figures.latest_ends(open_failures, LISTED)],
        "runners": [(place.pk(row.id), row) for row in figures.running_longest(unfinished, LISTED)],
    }


def _caption(ended: Reading) -> str:
    """What the charts leave out."""
    if ended.is_complete:
        return ""
    ends = [row.finished_at for row in ended.rows if row.finished_at is not None]
    return str(
        _("Of the newest %(number)s tasks that ended, since %(time)s.")
        % {"number": f"{len(ended.rows):,}", "time": f"{timezone.localtime(min(ends)):%Y-%m-%d %H:%M}" if ends else "–"}
    )


def _percent(rows: list[Row]) -> float | None:
    """How many of a hundred succeeded, of those that were not cancelled."""
    counted = [row for row in rows if row.phase != Phase.CANCELLED]
    return round(100 * sum(row.is_good for row in counted) / len(counted), 1) if counted else None
