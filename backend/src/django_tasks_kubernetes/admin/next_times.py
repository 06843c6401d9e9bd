"""The next times of schedules, looked for again when one of them has passed: a rare one takes milliseconds to find."""

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.schedule_times import next_times

KEPT_MAX: Final = 2000
# What they depend on.
FIELDS: Final = ("cron", "everyMinutes", "timeZone", "startAt", "endAt", "suspended")


@dataclass(frozen=True, slots=True)
class Found:
    since: datetime
    """When they were looked for."""
    number: int
    times: tuple[datetime, ...]

    def holds(self, now: datetime, number: int) -> bool:
        """Whether the first so many are still the next ones."""
        return self.since <= now and number <= self.number and (not self.times or now < self.times[0])


class NextTimes:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Found] = OrderedDict()

    def of(self, resource: Resource, now: datetime, number: int) -> list[datetime]:
        """The next times of a schedule, in its zone; none while it is suspended. Raises InvalidCron and
        UnknownTimeZone."""
        key = json.dumps([resource["spec"].get(name) for name in FIELDS])
        with self._lock:
            found = self._found.get(key)
        if found is None or not found.holds(now, number):
            found = Found(now, number, tuple(next_times(resource, now, number)))
            with self._lock:
                self._found[key] = found
                self._found.move_to_end(key)
                while len(self._found) > KEPT_MAX:
                    self._found.popitem(last=False)
        return list(found.times[:number])


# Of this process.
NEXT_TIMES: Final = NextTimes()
