"""Which tasks a command is about. Pure."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.tasks import TaskResultStatus

from django_tasks_kubernetes.cli.views import Row, row
from django_tasks_kubernetes.codec import STATUSES, Resource
from djangotasks_api.phases import Phase

LIMIT: Final = 50
EVER: Final = datetime.min.replace(tzinfo=UTC)
# What --status takes: Django's words, and the phases, which say more.
WORDS: Final = tuple(dict.fromkeys([*(status.lower() for status in TaskResultStatus), *(p.lower() for p in Phase)]))


class UsageError(ValueError):
    """The command was not given what it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """All that are given must hold. `statuses`: of WORDS, one of which must hold. `limit`: the newest; 0 for all."""

    queue: str | None = None
    statuses: tuple[str, ...] = ()
    task: str | None = None
    limit: int = LIMIT

    def __post_init__(self) -> None:
        for word in self.statuses:
            if word.lower() not in WORDS:
                raise UsageError(f"There is no status {word!r}. There are: {', '.join(WORDS)}.")
        for name, value in (("queue", self.queue), ("task", self.task)):
            if value is not None and (not value or set(value) & set(",=\\ ")):
                raise UsageError(f"--{name} must be a name, not {value!r}.")
        if self.limit < 0:
            raise UsageError("--limit must be a number from 0, which stands for all.")

    @property
    def phases(self) -> frozenset[Phase]:
        words = {word.lower() for word in self.statuses}
        return frozenset(p for p, status in STATUSES.items() if not words or {p.lower(), status.lower()} & words)

    @property
    def selector(self) -> str:
        """A field selector for those that may match: it can say "and", and not "or"."""
        terms = [] if self.queue is None else [f"spec.queue={self.queue}"]
        if self.task is not None and "." in self.task:
            terms.append(f"spec.task={self.task}")
        if len(self.phases) == 1:
            terms += [f"status.phase={phase}" for phase in self.phases]
        else:
            terms += [f"status.phase!={phase}" for phase in STATUSES if phase not in self.phases]
        return ",".join(terms)

    def matches(self, row: Row) -> bool:
        """A task may be named by the last part of its path alone."""
        if self.statuses and not {row.phase.lower(), row.status.lower()} & {word.lower() for word in self.statuses}:
            return False
        return self.queue in (None, row.queue) and (
            self.task is None or self.task == row.task or ("." not in self.task and row.task.endswith(f".{self.task}"))
        )

    def newest(self, resources: Iterable[Resource]) -> tuple[list[Resource], int]:
        """The newest that match, the newest first; and how many match."""
        found = 0

        def matching() -> Iterable[tuple[datetime, str, str, Resource]]:
            nonlocal found
            for resource in resources:
                if self.matches(shown := row(resource)):
                    found += 1
                    yield shown.enqueued_at or EVER, shown.namespace, shown.id, resource

        def order(item: tuple[datetime, str, str, Resource]) -> tuple[datetime, str, str]:
            return item[:3]

        some = (
            heapq.nlargest(self.limit, matching(), key=order)
            if self.limit
            else sorted(matching(), key=order, reverse=True)
        )
        return [item[-1] for item in some], found
