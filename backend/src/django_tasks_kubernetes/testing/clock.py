"""What time it is for the tasks of in_memory(), whose own code asks timezone.now()."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import to_utc


class Clock:
    """That of run_pending(now=…) and tick() while they run tasks, and else timezone.now()."""

    def __init__(self) -> None:
        self._now: datetime | None = None
        self._ticks = False
        self._moved: dict[str, timedelta] = {}

    @property
    def now(self) -> datetime:
        return _real() if self._now is None else self._now

    @contextmanager
    def at(self, now: datetime | None, *, ticks: bool = False) -> Iterator[None]:
        """While the context lasts it is then. None: it stays as it is, as where a task waits for another one. `ticks`:
        that is the time of the schedules."""
        before = self._now, self._ticks
        if now is not None:
            self._now, self._ticks = valid_now(now), ticks
        try:
            yield
        finally:
            self._now, self._ticks = before

    def enqueued(self, resource: Resource) -> None:
        """Notes a new task. What a task's code defers by ten minutes is due in ten minutes on this clock as well, and
        not at once: a task that enqueues itself again would never let the time pass."""
        real, now = _real(), self.now
        if any(at is not None and real < at <= now for at in (self.due_at(resource), self._expires_at(resource))):
            self._moved[resource["metadata"]["name"]] = now - real

    def due_at(self, resource: Resource) -> datetime | None:
        """When it may start; None for at once."""
        return self._time(resource, "runAfter")

    def is_due(self, resource: Resource) -> bool:
        return (at := self.due_at(resource)) is None or at <= self.now

    def has_expired(self, resource: Resource, *, of_schedules: datetime) -> bool:
        """Whether it may not start any more. `of_schedules`: the time of the schedules, which is that of their tasks.
        Of others it is not known, in tick(), which clock is meant: they expire once the time has passed on both."""
        if (at := self._expires_at(resource)) is None:
            return False
        if resource["spec"].get("schedule") is not None:
            return at <= (of_schedules if self._now is None else self._now)
        return at <= (min(self.now, _real()) if self._ticks else self.now)

    def _expires_at(self, resource: Resource) -> datetime | None:
        return self._time(resource, "expiresAt")

    def _time(self, resource: Resource, field: str) -> datetime | None:
        if (text := resource["spec"].get(field)) is None:
            return None
        moved = self._moved.get(resource["metadata"]["name"], timedelta())
        return datetime.fromisoformat(text).astimezone(UTC) + moved


def valid_now(now: Any) -> datetime:
    """In UTC. Raises TypeError."""
    if not isinstance(now, datetime):
        raise TypeError(f"now is a datetime, such as timezone.now() + timedelta(hours=1), not {now!r}.")
    return to_utc(now)


def _real() -> datetime:
    return to_utc(timezone.now())
