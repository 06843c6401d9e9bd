"""When a schedule is due next, and what its expressions say. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from cronsim import CronSim, CronSimError

from django_tasks_kubernetes.codec.resource import Resource
from djangotasks_api.schedules.cron import ALIASES, ANY_TIME
from djangotasks_api.schedules.timing import Timing


def next_times(resource: Resource, now: datetime, number: int) -> Iterator[datetime]:
    """The next times of a schedule, in its zone; none while it is suspended. Raises InvalidCron and UnknownTimeZone."""
    spec = resource["spec"]
    if number and not spec.get("suspended"):
        timing = Timing.from_spec(spec)
        for at in islice(timing.between(now, datetime.max.replace(tzinfo=UTC)), number):
            yield at.astimezone(timing.zone)


def explained(spec: Mapping[str, Any]) -> str:
    """Its expressions in English words: At 02:00 every day. Empty for what has none, or for which there are none."""
    return "; ".join(filter(None, map(_explained, spec.get("cron") or ())))


def _explained(text: str) -> str:
    try:
        return str(CronSim(ALIASES.get(text, text), ANY_TIME).explain())
    except (CronSimError, ValueError, LookupError):
        return ""
