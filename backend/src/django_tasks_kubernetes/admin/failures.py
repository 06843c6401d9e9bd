"""The failures: in groups of one task and one error, each with what leads to all of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin import charts
from django_tasks_kubernetes.admin.base import may
from django_tasks_kubernetes.admin.criteria import WITHIN, of_queue, only_queue
from django_tasks_kubernetes.admin.failure_groups import Group, grouped, open_of, retried_of
from django_tasks_kubernetes.admin.nav import url
from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import ROWS_MAX, kept, pages, rows_of
from django_tasks_kubernetes.admin.shapes import Chart
from django_tasks_kubernetes.admin.windows import WINDOWS, Window
from django_tasks_kubernetes.presentation.rows import Row
from djangotasks_api.names import RETRY_OF_LABEL
from djangotasks_api.phases import Phase

GROUPS_MAX: Final = 100
# Of a form, below Django's DATA_UPLOAD_MAX_NUMBER_FIELDS.
CHOSEN_MAX: Final = 500
# Of a sparkline, however many buckets the window has.
SPARK_BARS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What was read."""

    rows: list[Row]
    is_complete: bool
    retried: frozenset[str]
    """The ids of those that were enqueued once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A line of the table."""

    group: Group
    spark: Chart
    query: str
    """Of the list that has its tasks."""
    is_all: bool
    """Whether these are all of that list."""
    pks: list[str]
    """To be chosen in that list: one where all of it is, so that a form has few fields."""


class FailuresPage(Page):
    name = "failures"
    title = _("Failures")

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        word = request.GET.get("within", "24h")
        if (window := WINDOWS.get(word)) is None:
            raise BadRequest(f"within={word!r}")
        fresh, allowed = is_fresh(request), self.admin.queues_for(request)
        queue = only_queue(allowed)
        answer = kept(place, ("failures", queue), lambda: _read(place, queue), fresh=fresh)
        with_retried = "retried" in request.GET
        context = {
            "answer": answer,
            "window": window,
            "windows": list(WINDOWS.values()),
            "with_retried": with_retried,
            "list_url": url(self.admin.admin_site, "task_changelist"),
        }
        if answer.value is None:
            return context
        found, now = answer.value, datetime.now(UTC)
        buckets = window.buckets(now, timezone.get_current_timezone())
        mine = [row for row in found.rows if allowed is None or row.queue in allowed]
        in_window = [row for row in mine if buckets.place(row.finished_at) is not None]
        open_rows = open_of(in_window, found.retried)
        groups = grouped(in_window if with_retried else open_rows, buckets, now)
        numbers = Counter((row.task, row.exception or row.reason) for row in in_window)
        return context | {
            "read": len(mine),
            "is_complete": found.is_complete,
            "failed": len(in_window),
            "retried": len(in_window) - len(open_rows),
            "groups": [
                _shown(group, number, window, place, is_all=group.number == numbers[group.task, group.cause])
                for number, group in enumerate(groups[:GROUPS_MAX])
            ],
            "may_retry": may(request, "retry_task"),
            "more_groups": max(len(groups) - GROUPS_MAX, 0),
        }


def _read(place: Place, queue: str) -> Failures:
    """As many of those that repeat others as of those that failed: what such a one is missing for would be enqueued
    again, and run twice."""
    rows, is_complete = _pages(place, fields=of_queue(f"status.phase={Phase.FAILED}", queue))
    return Failures(rows=rows, is_complete=is_complete, retried=retried(place) if rows else frozenset())


def retried(place: Place) -> frozenset[str]:
    """The ids of those that were enqueued once more: one request for each 1,000 that repeat others. Raises
    TaskException."""
    repeats, _is_complete = _pages(place, labels=RETRY_OF_LABEL)
    return retried_of(repeats)


def _pages(place: Place, **selectors: str) -> tuple[list[Row], bool]:
    """One request for each 1,000; and whether these are all."""
    return rows_of(pages(lambda token: place.page(**selectors, limit=ROWS_MAX, token=token)))


def _shown(group: Group, number: int, window: Window, place: Place, *, is_all: bool) -> Shown:
    cause = {"exception": group.exception} if group.exception else {"reason": group.reason}
    parameters = {"phase": str(Phase.FAILED), "task": group.task, **cause}
    if window.word in WITHIN:
        parameters["within"] = window.word
    if not place.is_only:
        parameters["backend"] = place.alias
    return Shown(
        group=group,
        spark=charts.sparkline(f"group-{number}", merged(group.counts, SPARK_BARS), "failed"),
        query=urlencode(parameters),
        is_all=is_all,
        pks=[place.pk(row.id) for row in group.rows[: 1 if is_all else CHOSEN_MAX]],
    )


def merged(counts: tuple[int, ...], most: int) -> list[int]:
    """The same in so many buckets at most, each of several that are side by side."""
    every = max(-(-len(counts) // most), 1)
    return [sum(counts[n : n + every]) for n in range(0, len(counts), every)]
