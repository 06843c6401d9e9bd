"""The overview: what waits and why, what runs, what ended, and what failed."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin import cells, charts, figures
from django_tasks_kubernetes.admin.base import may
from django_tasks_kubernetes.admin.buckets import Buckets
from django_tasks_kubernetes.admin.criteria import only_queue
from django_tasks_kubernetes.admin.failure_groups import grouped, open_of, retried_of
from django_tasks_kubernetes.admin.figures import EndFigures
from django_tasks_kubernetes.admin.history_trends import trends
from django_tasks_kubernetes.admin.overview_reading import EXTRAS_SECONDS, Readings, read_overview
from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.places import Place, history_options
from django_tasks_kubernetes.admin.queue_lines import QueueLine
from django_tasks_kubernetes.admin.queues_page import known_lines
from django_tasks_kubernetes.admin.reading import Reading, kept
from django_tasks_kubernetes.admin.waiting import causes
from django_tasks_kubernetes.admin.windows import WINDOWS, Window
from django_tasks_kubernetes.presentation.rows import Row
from djangotasks_api.phases import Phase

LISTED: Final = 8


class OverviewPage(Page):
    name = "overview"
    title = _("Overview")
    parts = ("overview",)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        word = request.GET.get("within", "1h")
        if (window := WINDOWS.get(word)) is None:
            raise BadRequest(f"within={word!r}")
        fresh, now, until = is_fresh(request), datetime.now(UTC), time.monotonic() + EXTRAS_SECONDS
        allowed = self.admin.queues_for(request)
        queue = only_queue(allowed)
        answer = kept(
            place,
            ("overview", queue),
            lambda: read_overview(place, datetime.now(UTC), fresh=fresh, queue=queue),
            fresh=fresh,
        )
        context = {
            "answer": answer,
            "window": window,
            "windows": list(WINDOWS.values()),
            "and_backend": place.parameter,
        }
        if answer.value is None:
            return context
        lines: Mapping[str, QueueLine] = {}
        # One that does not answer, or is slow, is not asked once more.
        if answer.problem is None and time.monotonic() < until and may(request, "view_queue"):
            lines = {
                name: line
                for name, line in known_lines(place, now, fresh=fresh).items()
                if allowed is None or name in allowed
            }
        zone = timezone.get_current_timezone()
        kept_ends = self._kept_ends(request, place, window, allowed, fresh=fresh)
        return context | _shown(answer.value, lines, allowed, window, now, zone, place, kept_ends)

    def _kept_ends(
        self, request: HttpRequest, place: Place, window: Window, allowed: set[str] | None, *, fresh: bool
    ) -> EndFigures | None:
        """From the history, where it is on, and the person may see it."""
        if history_options() is None or not may(request, "view_taskhistory"):
            return None
        zone = timezone.get_current_timezone()

        def count() -> EndFigures:
            return trends(place.alias, allowed, window.buckets(datetime.now(UTC), zone))

        queues = None if allowed is None else frozenset(allowed)
        return kept(place, ("history", window.word, str(zone), queues), count, fresh=fresh).value


def _shown(
    readings: Readings,
    lines: Mapping[str, QueueLine],
    allowed: set[str] | None,
    window: Window,
    now: datetime,
    zone: tzinfo,
    place: Place,
    kept_ends: EndFigures | None,
) -> dict[str, Any]:
    def mine(rows: Iterable[Row]) -> list[Row]:
        return [row for row in rows if allowed is None or row.queue in allowed]

    unfinished, ended, failed = (
        mine(reading.rows) for reading in (readings.unfinished, readings.ended, readings.failed)
    )
    buckets, hour = window.buckets(now, zone), WINDOWS["1h"].buckets(now, zone)
    over, caption = _over(ended, readings.ended, kept_ends, buckets)
    open_failures = open_of(failed, retried_of([*unfinished, *ended]))
    groups = grouped(open_failures, WINDOWS["30d"].buckets(now, zone), now)
    held = [name for name, line in lines.items() if line.hold is not None]
    by_queue = figures.by_queue(unfinished, ended, hour, held)
    quiet = figures.quiet_since(unfinished, ended, now) if readings.is_due else None
    return {
        "number": readings.number if allowed is None else None,
        "waiting": sum(figures.is_waiting(row) for row in unfinished),
        "oldest": figures.oldest(unfinished),
        "running": sum(row.phase == Phase.RUNNING for row in unfinished),
        "longest": next(iter(figures.running_longest(unfinished, 1)), None),
        "ended": over.number,
        "succeeded_percent": over.succeeded_percent,
        "open_failures": len(open_failures),
        "groups": groups,
        "newest_failure": next(iter(figures.latest_ends(open_failures, 1)), None),
        "is_narrowed": allowed is not None and not only_queue(allowed),
        "cut": [reading for reading in (readings.unfinished, readings.failed) if not reading.is_complete],
        "quiet_since": quiet,
        "causes": causes(by_queue, lines, readings.messages),
        "knows_queues": bool(lines),
        "queues": [
            (found, charts.sparkline(f"ended-{number}", found.counts), lines.get(found.queue))
            for number, found in enumerate(by_queue)
        ],
        "ends": charts.ended("ended", str(window.unit), buckets, over.ends, zone, caption),
        "waits": charts.durations("waited", str(_("Waiting")), buckets, over.times["waited"], zone, caption),
        "runs": charts.durations("ran", str(_("Running")), buckets, over.times["ran"], zone, caption),
        "overall": {name: {share: charts.seconds(v) for share, v in of.items()} for name, of in over.overall.items()},
        "failures": [(place.pk(row.id), row) for row in figures.latest_ends(open_failures, LISTED)],
        "runners": [(place.pk(row.id), row) for row in figures.running_longest(unfinished, LISTED)],
    }


def _over(rows: list[Row], reading: Reading, kept_ends: EndFigures | None, buckets: Buckets) -> tuple[EndFigures, str]:
    """What ended, from where more of it is known, and what that leaves out."""
    inside = [row for row in rows if buckets.place(row.finished_at) is not None]
    found = figures.end_figures(figures.ends(inside, buckets), inside, buckets)
    if kept_ends is not None and kept_ends.number > found.number:
        return kept_ends, str(_("From the history."))
    return found, _caption(reading)


def _caption(ended: Reading) -> str:
    """What the charts leave out."""
    if ended.is_complete:
        return ""
    ends = [row.finished_at for row in ended.rows if row.finished_at is not None]
    return str(
        _("Of the newest %(number)s tasks that ended, since %(time)s.")
        % {
            "number": cells.grouped(len(ended.rows)),
            "time": f"{timezone.localtime(min(ends)):%Y-%m-%d %H:%M}" if ends else "–",
        }
    )
