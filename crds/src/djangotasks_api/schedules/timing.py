"""When a schedule is due: the union of its cron expressions in its time zone, or every so many minutes. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from djangotasks_api.schedules.cron import EPOCH, Cron, InvalidSchedule

# zoneinfo finds these files in the system's database. They are no names that mean the same on every machine.
NOT_ZONES: Final = ("localtime", "posixrules", "Factory", "posix/", "right/")
ENDS: Final = ("startAt", "endAt")
INSTANT: Final = timedelta(microseconds=1)
# No time is earlier or later. From there cronsim, which looks 50 years ahead, still finds dates that every zone has.
FIRST: Final = EPOCH
LAST: Final = datetime(9900, 1, 1, tzinfo=UTC)


class UnknownTimeZone(InvalidSchedule):
    """The name is none of the IANA time zone database."""

    field = "timeZone"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no time zone {name!r}: it is a name such as Europe/Berlin, or UTC")
        self.name = name


def zone_named(name: str) -> ZoneInfo:
    """Look the time zone up. Raises UnknownTimeZone."""
    try:
        if not name.startswith(NOT_ZONES):
            return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        pass
    raise UnknownTimeZone(name)


def zone_names() -> list[str]:
    """All that zone_named() takes."""
    return sorted(name for name in available_timezones() if not name.startswith(NOT_ZONES))


@dataclass(frozen=True, slots=True)
class Timing:
    """The scheduled times of one schedule, whole minutes in UTC."""

    crons: tuple[Cron, ...]
    every: timedelta | None
    """Instead of expressions: since the epoch, whatever the zone."""
    zone: tzinfo
    start_at: datetime | None = None
    """Earlier times are none of its times."""
    end_at: datetime | None = None
    """Nor are later ones."""

    @classmethod
    def of(
        cls,
        *,
        cron: Sequence[str] = (),
        every_minutes: int | None = None,
        time_zone: str = "UTC",
        start_at: datetime | None = None,
        end_at: datetime | None = None,
    ) -> "Timing":
        """As the fields of a DjangoTaskSchedule say it. Raises InvalidCron and UnknownTimeZone."""
        crons = tuple(Cron.parse(text) for text in dict.fromkeys(cron))
        every = None if every_minutes is None else timedelta(minutes=every_minutes)
        return cls(crons, every, zone_named(time_zone), start_at, end_at)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> "Timing":
        """As a resource's spec has it, which the API server or `of` has checked. Raises as `of` does."""
        start_at, end_at = (None if (t := spec.get(name)) is None else datetime.fromisoformat(t) for name in ENDS)
        return cls.of(
            cron=spec.get("cron") or (),
            every_minutes=spec.get("everyMinutes"),
            time_zone=spec.get("timeZone", "UTC"),
            start_at=start_at,
            end_at=end_at,
        )

    def next_after(self, after: datetime) -> datetime | None:
        """The first scheduled time later than `after`, and before the year 9900. None where there is none."""
        after = max(after, self._start)
        if after >= LAST:
            return None
        if self.every is not None:
            times = [after - (after - EPOCH) % self.every + self.every]
        else:
            times = [at for cron in self.crons if (at := cron.next_after(self.zone, after)) is not None]
        found = min(times, default=None)
        if found is None or found > self._end:
            return None
        return found.astimezone(UTC)

    @property
    def _start(self) -> datetime:
        """All its times are later."""
        return FIRST - INSTANT if self.start_at is None or self.start_at <= FIRST else self.start_at - INSTANT

    @property
    def _end(self) -> datetime:
        return LAST if self.end_at is None else min(self.end_at, LAST)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """All scheduled times later than `after`, up to and including `until`."""
        at: datetime | None = after
        while at is not None and (at := self.next_after(at)) is not None and at <= until:
            yield at

    def last_before(self, until: datetime, count: int, since: datetime) -> list[datetime]:
        """The latest scheduled times up to and including `until`, `count` at most, the earliest first. None is `since`
        or earlier. Nothing is counted from `since` on: a schedule that was away for years costs as little as one that
        was away for a minute."""
        since, until = max(since, self._start), min(until, self._end)
        if until <= since:
            return []
        if self.every is not None:
            latest = (until - (until - EPOCH) % self.every).astimezone(UTC)
            times = {at for n in range(count) if (at := latest - n * self.every) > since}
        else:
            times = {at for cron in self.crons for at in cron.last_before(self.zone, until, count, since)}
        return sorted(times)[-count:]
