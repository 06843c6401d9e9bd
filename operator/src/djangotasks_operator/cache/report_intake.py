"""Since when this process could receive what task pods report, and store it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class ReportIntake:
    """The current uninterrupted period in which the reports of a namespace were accepted. One instance a process.

    A heartbeat that was missed before it says nothing: the pod may have sent it, and nobody stored it.
    """

    keys: tuple[bytes, ...] = field(default=(), repr=False)
    """One of them made the token with which a pod signs its outcome."""
    url: str = ""
    """Where task pods report to."""
    _since: datetime | None = None
    _of_namespaces: dict[str, datetime] = field(default_factory=dict)
    """Where it is a later one than that of all."""

    def accepted_since(self, namespace: str) -> datetime | None:
        """Its start. None where this process has not led yet, and no write has failed."""
        return self._of_namespaces.get(namespace, self._since)

    def interrupted(self, now: datetime, namespace: str | None = None) -> None:
        """Begin a new period: reports of before `now` may be lost. `namespace`: where its statuses alone are refused,
        which delays no heartbeat timeout of others."""
        if namespace is not None:
            self._of_namespaces[namespace] = now
        else:
            self._since = now
            self._of_namespaces.clear()
