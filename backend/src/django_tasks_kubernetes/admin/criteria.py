"""Which tasks a list shows: the parameters of its address. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django_tasks_kubernetes.codec.resource import STATUSES
from django_tasks_kubernetes.presentation.rows import Row
from djangotasks_api.bounds import TASK_NAME_MAX_CHARS
from djangotasks_api.names import ENQUEUED_BY_LABEL, RETRY_OF_LABEL, SCHEDULE_LABEL, WORKFLOW_LABEL
from djangotasks_api.phases import TERMINAL_PHASES, Phase

UNFINISHED: Final = "Unfinished"
GROUPS: Final[Mapping[str, frozenset[Phase]]] = {
    UNFINISHED: frozenset(STATUSES) - TERMINAL_PHASES,
}
WITHIN: Final[Mapping[str, timedelta]] = {
    "1h": timedelta(hours=1),
    "3h": timedelta(hours=3),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
# What a selector can say: neither its own signs, nor what no field of the resource holds.
VALUE: Final = re.compile(r"[^,=!\\()<>\s\x00-\x1f]{1,500}")
LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
NAME: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-[a-z0-9-]+)?")
# Parameters that are a field of the resource, and those that are a label.
FIELDS: Final[Mapping[str, str]] = {"queue": "spec.queue", "task": "spec.task", "reason": "status.reason"}
LABELS: Final[Mapping[str, str]] = {
    "workflow": WORKFLOW_LABEL,
    "schedule": SCHEDULE_LABEL,
    "retry_of": RETRY_OF_LABEL,
    "enqueued_by": ENQUEUED_BY_LABEL,
}
PARAMETERS: Final = ("backend", "phase", "exception", "within", *FIELDS, *LABELS)


class WrongCriteria(ValueError):
    """A parameter has a value that no link of the pages gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Those for which all that is given holds. Raises WrongCriteria."""

    phases: frozenset[Phase] = frozenset()
    """One of them; empty for all."""
    queue: str = ""
    task: str = ""
    reason: str = ""
    exception: str = ""
    workflow: str = ""
    schedule: str = ""
    retry_of: str = ""
    enqueued_by: str = ""
    within: str = ""
    """Of what has ended, that it ended so long ago or less; of the others, that they were enqueued then."""
    text: str = ""
    """A part of the id, the path, the reason or the exception."""

    def __post_init__(self) -> None:
        for name in FIELDS:
            if (value := getattr(self, name)) and not VALUE.fullmatch(value):
                raise WrongCriteria(f"{name}={value!r}")
        for name in LABELS:
            value = getattr(self, name)
            if value and not (len(value) <= TASK_NAME_MAX_CHARS and LABEL_VALUE.fullmatch(value)):
                raise WrongCriteria(f"{name}={value!r}")
        if self.within and self.within not in WITHIN:
            raise WrongCriteria(f"within={self.within!r}")

    @property
    def fields(self) -> str:
        """A field selector. It can say "and", and not "or"."""
        return ",".join(self._fields())

    @property
    def labels(self) -> str:
        """A label selector."""
        return ",".join(f"{label}={value}" for name, label in LABELS.items() if (value := getattr(self, name)))

    @property
    def asks_rows(self) -> bool:
        """Whether the selectors do not say it all, so that rows that were read may not match."""
        return bool(self.exception or self.within or (self.text and not self._is_name))

    def matches(self, row: Row, now: datetime) -> bool:
        """Whether a row that the selectors let through matches."""
        if self.phases and row.phase not in self.phases:
            return False
        if self.exception and row.exception != self.exception:
            return False
        if self.within:
            at = row.finished_at or row.enqueued_at
            if at is None or at < now - WITHIN[self.within]:
                return False
        word = self.text.strip().lower()
        return not word or any(word in text.lower() for text in (row.id, row.task, row.reason, row.exception))

    @property
    def _is_name(self) -> bool:
        return NAME.fullmatch(self.text.strip().lower()) is not None

    def _fields(self) -> Iterator[str]:
        if self._is_name:
            yield f"metadata.name={self.text.strip().lower()}"
        for name, field in FIELDS.items():
            if value := getattr(self, name):
                yield f"{field}={value}"
        # One that the operator has not seen yet has no phase, and is queued.
        if len(self.phases) == 1 and Phase.QUEUED not in self.phases:
            yield from (f"status.phase={phase}" for phase in self.phases)
        elif self.phases:
            yield from (f"status.phase!={phase}" for phase in Phase if phase not in self.phases)


def only_queue(allowed: Collection[str] | None) -> str:
    """The queue of those who may see one alone: others need not be read, and cannot take its place among the newest.
    Empty where there are several, or none: a selector cannot say "or"."""
    queue = next(iter(allowed)) if allowed is not None and len(allowed) == 1 else ""
    return queue if VALUE.fullmatch(queue) else ""


def of_queue(fields: str, queue: str) -> str:
    """A field selector, for this queue alone; an empty one is none."""
    return f"{fields},{FIELDS['queue']}={queue}" if queue else fields


def criteria_of(parameters: Mapping[str, str], text: str = "") -> Criteria:
    """Of the parameters of an address. Raises WrongCriteria."""
    known = {name: parameters.get(name, "") for name in ("exception", "within", *FIELDS, *LABELS)}
    return Criteria(phases=_phases(parameters.get("phase", "")), text=text, **known)


def _phases(text: str) -> frozenset[Phase]:
    found: set[Phase] = set()
    for word in filter(None, text.split(",")):
        if word in GROUPS:
            found |= GROUPS[word]
        elif word in set(Phase):
            found.add(Phase(word))
        else:
            raise WrongCriteria(f"phase={word!r}")
    return frozenset(found)
