"""When a schedule is due next. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from django_tasks_kubernetes.codec.resource import Resource
from djangotasks_api.schedules.timing import Timing


def next_times(resource: Resource, now: datetime, number: int) -> Iterator[datetime]:
    """The next times of a schedule, in its zone; none while it is suspended. Raises InvalidCron and UnknownTimeZone."""
    spec = resource["spec"]
    if number and not spec.get("suspended"):
        timing = Timing.from_spec(spec)
        for at in islice(timing.between(now, datetime.max.replace(tzinfo=UTC)), number):
            yield at.astimezone(timing.zone)
