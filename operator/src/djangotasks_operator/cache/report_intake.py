"""Since when this process could receive what task pods report, and store it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class ReportIntake:
    """The current uninterrupted period in which reports were accepted. One instance a process.

    A heartbeat that was missed before it says nothing: the pod may have sent it, and nobody stored it.
    """

    keys: tuple[bytes, ...] = field(default=(), repr=False)
    """One of them made the token with which a pod signs its outcome."""
    url: str = ""
    """Where task pods report to."""
    accepted_since: datetime | None = None
    """Its start. None where this process has not led yet, and no write has failed."""

    def interrupted(self, now: datetime) -> None:
        """Begin a new period: reports of before `now` may be lost."""
        self.accepted_since = now
