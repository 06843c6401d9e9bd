"""What the overview reads of the cluster."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.admin import figures
from django_tasks_kubernetes.admin.buckets import Buckets
from django_tasks_kubernetes.admin.criteria import UNFINISHED, criteria_of, of_queue
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import ROWS_MAX, Reading, View, count, read
from django_tasks_kubernetes.admin.waiting import asked_about
from django_tasks_kubernetes.presentation.filters import EVER
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.rows import row as row_of
from django_tasks_kubernetes.presentation.text import moment, shortened
from djangotasks_api.phases import TERMINAL_PHASES, Phase

if TYPE_CHECKING:
    from django_tasks_kubernetes.codec.resource import Resource

UNFINISHED_FIELDS: Final = criteria_of({"phase": UNFINISHED}).fields
ENDED_FIELDS: Final = criteria_of({"phase": ",".join(sorted(TERMINAL_PHASES))}).fields
FAILED_FIELDS: Final = criteria_of({"phase": Phase.FAILED}).fields
MESSAGES_MAX: Final = 3
MESSAGE_MAX_CHARS: Final = 300
# From then on it asks only for what the page cannot do without: web servers end a worker that takes 30 seconds.
EXTRAS_SECONDS: Final = 5.0
NO_TIME: Final = Buckets((EVER, EVER), timedelta(minutes=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the page is made of."""

    unfinished: Reading
    ended: Reading
    failed: Reading
    number: int
    is_due: bool
    """Whether a task that waits without a reason could have started."""
    messages: Mapping[tuple[str, str], str]
    """What tasks say for which most others wait, by queue and reason."""


def read_overview(place: Place, now: datetime, *, fresh: bool, queue: str = "") -> Readings:
    """Four requests; one more where it looks as if nothing started tasks, and at most three where they wait for
    something. Of a slow API server, the four alone. `queue`: of this one alone."""
    until = time.monotonic() + EXTRAS_SECONDS

    def value(fields: str) -> Reading:
        answer = read(place, View(fields=of_queue(fields, queue), limit=ROWS_MAX), fresh=fresh, until=until)
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
        is_due = time.monotonic() < until and _is_due(place, unfinished.rows[-1], now)
    return Readings(
        unfinished=unfinished,
        ended=ended,
        failed=failed,
        number=number.value or 0,
        is_due=is_due,
        messages=_messages(place, unfinished.rows, until),
    )


def _messages(place: Place, unfinished: list[Row], until: float) -> dict[tuple[str, str], str]:
    """A table has the reasons, and not what they are about: an image, a quota. One task of each is asked."""
    waiting = [row for row in unfinished if figures.is_waiting(row)]
    found = {}
    for queue, reason in asked_about(figures.by_queue(waiting, [], NO_TIME), MESSAGES_MAX):
        if time.monotonic() >= until:
            break
        example = next(row for row in waiting if (row.queue, row.reason) == (queue, reason))
        try:
            resource: Resource = place.store.get(example.id)
        except TaskResultDoesNotExist:
            continue
        shown = row_of(resource)
        # It may wait for something else by now.
        if shown.reason == reason:
            found[queue, reason] = shortened(shown.explanation, MESSAGE_MAX_CHARS)
    return found


def _is_due(place: Place, row: Row, now: datetime) -> bool:
    """A table does not say for which time a task was deferred."""
    try:
        found: Resource = place.store.get(row.id)
    except TaskResultDoesNotExist:
        return False
    return (moment(found["spec"].get("runAfter")) or EVER) <= now
