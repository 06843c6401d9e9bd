"""The attempts of a task on an axis of time. Pure, but for the language."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_tasks_kubernetes.admin.charts import seconds
from django_tasks_kubernetes.admin.shapes import Chart, Label, Legend, Mark, label, mark
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.text import moment, safe
from djangotasks_api.phases import Phase

WIDTH: Final = 720
LEFT: Final = 32
# For the reason, which stands behind the last bar of a line.
RIGHT: Final = 150
ROW: Final = 22
BAR: Final = 14
BOTTOM: Final = 22
KINDS: Final = {
    "waiting": gettext_lazy("Waited"),
    "starting": gettext_lazy("Starting"),
    "running": gettext_lazy("Runs"),
    "succeeded": gettext_lazy("Succeeded"),
    "failed": gettext_lazy("Failed"),
}
# Lengths of an axis between whose marks there is a round time.
ROUND: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt."""

    number: int
    waiting_from: datetime
    created_at: datetime | None
    """When its pod was made, and it began to start."""
    started_at: datetime | None
    until: datetime
    kind: str
    """Of the time that it ran."""
    reason: str


def timeline(id_: str, resource: Resource, now: datetime, zone: tzinfo) -> Chart:
    """A line for each attempt: how long it waited, started and ran, and why it ended."""
    spans = list(spans_of(resource, now))
    height = max(len(spans), 1) * ROW + BOTTOM
    if not spans:
        return Chart(id=id_, title=_("No attempt yet."), width=WIDTH, height=height, nothing=_("No attempt yet."))
    begin, end = spans[0].waiting_from, max(span.until for span in spans)
    length = max((end - begin).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (at - begin).total_seconds() / length

    marks: list[Mark] = []
    labels: list[Label] = list(_axis(begin, length, height, zone, x))
    for place, span in enumerate(spans):
        y = place * ROW + (ROW - BAR) / 2
        for kind, since, until in _bars(span):
            title = _("Attempt %(number)s: %(what)s %(time)s") % {
                "number": span.number,
                "what": str(KINDS[kind]).lower(),
                "time": seconds((until - since).total_seconds()),
            }
            # An attempt of a millisecond is there, too.
            marks.append(mark(x(since), y, max(x(until) - x(since), 1.5), BAR, kind, title))
        labels.append(label(LEFT - 8, y + BAR - 3, str(span.number), "end"))
        if span.reason:
            labels.append(label(x(span.until) + 6, y + BAR - 3, span.reason, "start"))
    words = ngettext("%(number)s attempt, %(time)s in all", "%(number)s attempts, %(time)s in all", len(spans))
    return Chart(
        id=id_,
        title=words % {"number": len(spans), "time": seconds((end - begin).total_seconds())},
        width=WIDTH,
        height=height,
        marks=marks,
        labels=labels,
        legend=[Legend(kind, str(KINDS[kind])) for kind in KINDS if any(one.kind == kind for one in marks)],
        headings=[_("Attempt"), _("Waited"), _("Starting"), _("Ran"), _("Ended"), _("Reason")],
        rows=[_row(span, now, zone) for span in spans],
    )


def spans_of(resource: Resource, now: datetime) -> Iterator[Span]:
    """The attempts, each of which waits from the end of the one before; and the wait that is not over."""
    spec, status = resource["spec"], resource.get("status") or {}
    since = moment(spec.get("enqueuedAt") or resource["metadata"].get("creationTimestamp"))
    since = max(since, due) if since and (due := moment(spec.get("runAfter"))) else since
    attempts: Sequence[Mapping[str, Any]] = status.get("attempts") or ()
    for attempt in attempts:
        created, started, finished = (moment(attempt.get(name)) for name in ("createdAt", "startedAt", "finishedAt"))
        since = since or created or started or finished or now
        until = max(finished or now, started or since, since)
        kind = "running" if finished is None else "failed" if attempt.get("reason") else "succeeded"
        # Of clocks that differ, and of a pod that was there before the task.
        started = min(max(started, since), until) if started else None
        created = min(max(created, since), started or until) if created else None
        reason = safe(attempt.get("reason") or "")
        yield Span(attempt.get("number") or 0, since, created, started, until, kind, reason)
        since = until
    waits = status.get("phase") in (None, Phase.QUEUED, Phase.RETRYING)
    if waits and since is not None and since < now and all(attempt.get("finishedAt") for attempt in attempts):
        yield Span(len(attempts) + 1, since, None, None, now, "waiting", safe(status.get("reason") or ""))


def _bars(span: Span) -> Iterator[tuple[str, datetime, datetime]]:
    if span.started_at is not None:
        last = span.kind
    elif span.kind == "failed":  # it never ran: what it waited for, did not come
        last = "failed"
    else:
        last = "waiting" if span.created_at is None else "starting"
    begin = span.started_at or span.created_at or span.waiting_from
    created = span.created_at or begin
    if created > span.waiting_from:
        yield "waiting", span.waiting_from, created
    if begin > created:
        yield "starting", created, begin
    yield last, begin, span.until


def _row(span: Span, now: datetime, zone: tzinfo) -> tuple[str, ...]:
    created, started = span.created_at, span.started_at
    return (
        str(span.number),
        seconds(((created or started or span.until) - span.waiting_from).total_seconds()),
        seconds(((started or span.until) - created).total_seconds()) if created else "–",
        seconds((span.until - started).total_seconds()) if started else "–",
        _clock(span.until, zone) if span.until < now else "–",
        span.reason,
    )


def _axis(begin: datetime, length: float, height: int, zone: tzinfo, x: Callable[[datetime], float]) -> Iterator[Label]:
    step = next((step for step in ROUND if step * TICKS >= length), ROUND[-1] * (int(length / ROUND[-1] / TICKS) + 1))
    after = -begin.timestamp() % step
    while after <= length:
        at = begin + timedelta(seconds=after)
        yield label(x(at), height - 6, _clock(at, zone, step), "middle", f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
        after += step


def _clock(at: datetime, zone: tzinfo, step: int = 1) -> str:
    local = at.astimezone(zone).replace(tzinfo=None)
    if step >= ROUND[-1]:
        return date_format(local, "SHORT_DATE_FORMAT")
    return date_format(local, "H:i" if step >= 60 else "H:i:s")
