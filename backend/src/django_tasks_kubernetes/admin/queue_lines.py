"""A queue as a line of the page. Pure, but for the language.

Read leniently, as tasks are: a missing field must not hide the rest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.holds import is_over
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.text import moment, safe
from djangotasks_api.phases import Phase

# Of a task that has a pod, or is about to.
RUNNING = (Phase.STARTING, Phase.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLine:
    """How a queue is held."""

    concurrency: int
    by: str
    reason: str
    since: datetime | None
    until: datetime | None

    @property
    def effect(self) -> str:
        if self.concurrency == 0:
            return _("paused")
        return _("at most {number} at once").format(number=self.concurrency)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """A queue; of one that cannot be read, what its tasks say."""

    name: str
    ready: bool | None = None
    """None where that is not known."""
    reason: str = ""
    message: str = ""
    running: int
    waiting: int
    oldest: datetime | None = None
    concurrency: int | None = None
    rate: str = ""
    last_error: str = ""
    last_error_at: datetime | None = None
    hold: HoldLine | None = None
    standby: int | None = None
    """How many pods wait for a task; None for a queue without standby pods."""
    standby_starting: int = 0
    standby_problem: str = ""
    """Why they do not."""

    @property
    def limit(self) -> str:
        """How many may run at once; in brackets what the queue itself says, where a hold is lower."""
        own = "–" if self.concurrency is None else str(self.concurrency)
        if self.hold is None or (self.concurrency is not None and self.concurrency <= self.hold.concurrency):
            return own
        return f"{self.hold.concurrency} ({own})"


def lines_of(queues: Iterable[Resource], holds: Mapping[str, Resource] | None, now: datetime) -> list[QueueLine]:
    """By name. `holds`: None where they may not be read; then the queues' status says who holds them."""
    return sorted((_line(queue, holds, now) for queue in queues), key=lambda line: line.name)


def lines_of_tasks(rows: Iterable[Row], holds: Mapping[str, Resource] | None, now: datetime) -> list[QueueLine]:
    """What unfinished tasks say of their queues, by name."""
    by_queue = defaultdict[str, list[Row]](list)
    for row in rows:
        if not row.is_finished:
            by_queue[row.queue].append(row)
    for name in holds or ():
        by_queue.setdefault(name, [])
    found = []
    for name, tasks in sorted(by_queue.items()):
        waiting = [task for task in tasks if task.phase not in RUNNING]
        oldest = min((task.enqueued_at for task in waiting if task.enqueued_at is not None), default=None)
        found.append(
            QueueLine(
                name=safe(name),
                running=len(tasks) - len(waiting),
                waiting=len(waiting),
                oldest=oldest,
                hold=_hold((holds or {}).get(name), now),
            )
        )
    return found


def _line(queue: Resource, holds: Mapping[str, Resource] | None, now: datetime) -> QueueLine:
    name, spec, status = queue["metadata"]["name"], queue["spec"], queue.get("status") or {}
    condition, of_standby = _condition(status, "Ready"), _condition(status, "StandbyReady")
    standby = status.get("standby")
    standby_words = (of_standby.get("reason"), of_standby.get("message"))
    rate, held = spec.get("rateLimit") or {}, status.get("held")
    # What the operator goes by, where the hold itself may not be read.
    hold = (_said(held) if held else None) if holds is None else _hold(holds.get(name), now)
    return QueueLine(
        name=safe(name),
        ready={"True": True, "False": False}.get(condition.get("status", "")),
        reason=safe(condition.get("reason") or ""),
        message=safe(condition.get("message") or ""),
        running=status.get("running", 0),
        waiting=status.get("queued", 0),
        oldest=moment(status.get("oldestQueuedAt")),
        concurrency=spec.get("concurrency"),
        rate=_rate(rate["starts"], rate.get("periodSeconds", 1)) if rate.get("starts") else "",
        last_error=safe(status.get("lastError") or ""),
        last_error_at=moment(status.get("lastErrorAt")),
        hold=hold,
        standby=None if standby is None else standby.get("ready", 0),
        standby_starting=(standby or {}).get("starting", 0),
        standby_problem=safe(": ".join(one for one in standby_words if one))
        if of_standby.get("status") == "False"
        else "",
    )


def _rate(starts: int, period: int) -> str:
    return _("%(starts)s / %(period)s s") % {"starts": starts, "period": period}


def _condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((one for one in status.get("conditions") or () if one.get("type") == name), {})


def hold_line(hold: Resource) -> HoldLine:
    """What a hold says."""
    return _said(hold["spec"] | {"since": hold["metadata"].get("creationTimestamp")})


def _hold(hold: Resource | None, now: datetime) -> HoldLine | None:
    return None if hold is None or is_over(hold, now) else hold_line(hold)


def _said(held: Mapping[str, Any]) -> HoldLine:
    return HoldLine(
        concurrency=held.get("concurrency", 0),
        by=safe(held.get("by") or ""),
        reason=safe(held.get("reason") or ""),
        since=moment(held.get("since")),
        until=moment(held.get("until")),
    )
