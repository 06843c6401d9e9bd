"""What an operator may ask of the API server about each object: so much at once, and so much in the time that passed.

How many objects there are is the tenants' doing, and how many requests come in a given time the machine's. Neither is in
these bounds: they are for one object. One that the operator works on without a pause soon goes beyond them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from math import log2
from typing import TYPE_CHECKING, NamedTuple

from djangotasks_api.names import QUEUE_LABEL
from djangotasks_operator.controllers.flow import STATUS_SECONDS
from djangotasks_operator.controllers.queue_controller import NOT_READY_INTERVAL
from djangotasks_operator.controllers.schedule_controller import STATUS_DEBOUNCE
from djangotasks_operator.controllers.work_queues import QUEUE_STATUS_DEBOUNCE_SECONDS
from djangotasks_operator.runtime.workqueue import FIRST_RETRY, LAST_RETRY
from djangotasks_operator.telemetry.event_recorder import BURST, PER_SECOND

if TYPE_CHECKING:
    from tests.support.faults import Call

# The life of an object: a request for each thing that happens to it, with a conflict or a lost answer now and then.
LIFE = 12
# What is written about an object at a steady pace, whatever happens: seconds between two.
PACE = {
    "patch djangotaskqueues/status": QUEUE_STATUS_DEBOUNCE_SECONDS,
    "patch djangotaskschedules/status": STATUS_DEBOUNCE.total_seconds(),
    "patch djangotaskworkflows/status": STATUS_SECONDS,
}
# All Events are sent by one sender.
EVENTS = ("create events", "patch events")


class About(NamedTuple):
    """What is asked, and about which object. `name`: empty for lists and watches."""

    label: str
    name: str


def about(call: Call) -> About:
    """Of a dry run the name says nothing: it is a queue's."""
    if call.verb != "dry_run":
        return About(call.label, call.name)
    return About(call.label, str(json.loads(call.body)["metadata"]["labels"][QUEUE_LABEL]))


def tries(seconds: float) -> float:
    """How often a backoff that doubles lets something be tried within a time."""
    return 1 + log2(1 + seconds / FIRST_RETRY) + seconds / LAST_RETRY


def allowed(label: str, seconds: float) -> float:
    """How many requests may be made about one object. A task is tried by its own backoff, and by its queue's; and a queue
    that is not ready is checked from time to time."""
    checks = seconds / NOT_READY_INTERVAL.total_seconds()
    return LIFE + 2 * tries(seconds) + checks + (seconds / PACE[label] if label in PACE else 0)


def excess(calls: Iterable[Call], seconds: float) -> list[str]:
    """What was asked too often in so many seconds, one line for each; empty where all is well."""
    counts = Counter(map(about, calls))
    events = sum(count for (label, _), count in counts.items() if label in EVENTS)
    most = BURST + PER_SECOND * seconds
    found = [f"{events} Events in {seconds:.1f} s, {most:.0f} are allowed"] if events > most else []
    for (label, name), count in counts.most_common():
        if label not in EVENTS and count > (limit := allowed(label, seconds)):
            found.append(f"{count} × {label} {name} in {seconds:.1f} s, {limit:.0f} are allowed")
    return found


def breakdown(calls: Iterable[Call]) -> str:
    """For the report of a failure: how many requests of each kind, about how many objects, and the most about one."""
    counts = Counter(map(about, calls))
    labels = Counter[str]()
    for (label, _), count in counts.items():
        labels[label] += count
    lines = []
    for label, total in labels.most_common():
        name, most = max(((one.name, n) for one, n in counts.items() if one.label == label), key=lambda pair: pair[1])
        objects = sum(one.label == label for one in counts)
        lines.append(f"{total:6} {label}: {objects} objects, {most} of {name or 'all'}")
    return "\n".join(lines)
