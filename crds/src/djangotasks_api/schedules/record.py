"""What is dealt with of a schedule's times: the part of its status that decisions rest on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from djangotasks_api.times import in_utc


class SkipReason(StrEnum):
    """Why no task was created for a scheduled time."""

    PREVIOUS_UNFINISHED = "PreviousUnfinished"
    """The last task had not finished (concurrencyPolicy Forbid, or Queue with another one waiting)."""
    REPLACED = "Replaced"
    """A later time came before the last task's pod was gone (concurrencyPolicy Replace)."""
    MISSED = "Missed"
    """It passed while no operator ran, or while its task was refused, and catchUp leaves it out."""
    STARTING_DEADLINE_EXCEEDED = "StartingDeadlineExceeded"
    """It passed longer ago than startingDeadlineSeconds."""
    TIMES_CHANGED = "TimesChanged"
    """It waited for the last task when the schedule's times were changed, or it was suspended."""
    NAME_TAKEN = "NameTaken"
    """A task that is not the schedule's has the name."""


class Skip(NamedTuple):
    """A scheduled time for which no task is created."""

    scheduled_for: datetime
    reason: SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Times up to `base` are dealt with."""

    timing: str | None = None
    """The digest of the times that it is about."""
    since: datetime | None = None
    last: datetime | None = None
    """The latest time for which a task was created."""
    pending: datetime | None = None
    """The time that waits for the last task to finish."""
    skipped: Skip | None = None
    """The latest time that was left out."""
    skipped_count: int = 0

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> "Record":
        """Read a status."""
        skipped = status.get("skipped")
        return cls(
            timing=status.get("timing"),
            since=_time(status.get("since")),
            last=_time(status.get("lastScheduledFor")),
            pending=_time(status.get("pending")),
            skipped=None if skipped is None else Skip(_read(skipped["lastFor"]), skipped["reason"]),
            skipped_count=0 if skipped is None else skipped["count"],
        )

    @property
    def base(self) -> datetime | None:
        """The latest time that is dealt with."""
        times = (self.since, self.last, self.pending, None if self.skipped is None else self.skipped.scheduled_for)
        return max((time for time in times if time is not None), default=None)

    def until(self, end: datetime) -> "Record":
        """Without what is later, which only a clock that was ahead can have dealt with."""
        last = None if self.last is not None and self.last > end else self.last
        kept = replace(self, last=last)
        if self.skipped is not None and self.skipped.scheduled_for > end:
            kept = replace(kept, skipped=None, skipped_count=0)
        return kept

    def created(self, scheduled_for: datetime) -> "Record":
        """The task of this time exists."""
        last = scheduled_for if self.last is None else max(self.last, scheduled_for)
        pending = None if self.pending == scheduled_for else self.pending
        return replace(self, last=last, pending=pending)

    def with_skips(self, skips: Sequence[Skip]) -> "Record":
        """These times, the earliest first, are left out."""
        if not skips:
            return self
        latest = skips[-1] if self.skipped is None else max(self.skipped, skips[-1])
        pending = None if any(skip.scheduled_for == self.pending for skip in skips) else self.pending
        return replace(self, skipped=latest, skipped_count=self.skipped_count + len(skips), pending=pending)


def _time(text: str | None) -> datetime | None:
    return None if text is None else _read(text)


def _read(text: str) -> datetime:
    return in_utc(datetime.fromisoformat(text))
