"""Which tasks, and which workflows, a command is about. Pure."""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from django.tasks import TaskResultStatus

from django_tasks_kubernetes.codec.resource import STATUSES, Resource
from django_tasks_kubernetes.presentation.rows import Row, row
from django_tasks_kubernetes.presentation.workflow_rows import WORKFLOW_STATUSES, WorkflowRow
from djangotasks_api.phases import Phase

LIMIT: Final = 50
EVER: Final = datetime.min.replace(tzinfo=UTC)


def words_of(statuses: Mapping[Any, TaskResultStatus]) -> tuple[str, ...]:
    """What --status takes: Django's words, and the phases, which say more."""
    return tuple(dict.fromkeys([*(status.lower() for status in TaskResultStatus), *(p.lower() for p in statuses)]))


STATUS_WORDS: Final = words_of(STATUSES)
WORKFLOW_STATUS_WORDS: Final = words_of(WORKFLOW_STATUSES)


class UsageError(ValueError):
    """A command line, or a form, has a wrong value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filter:
    """Which match: those for which all that is given holds. Raises UsageError."""

    queue: str | None = None
    statuses: tuple[str, ...] = ()
    """Of the words of --status, in any case. One of them must hold; empty for all."""

    limit: int = LIMIT
    """At most so many, the newest; 0 for all."""

    def _check(self, known: Mapping[Any, TaskResultStatus], option: str, path: str | None) -> None:
        words = words_of(known)
        for word in self.statuses:
            if word.lower() not in words:
                raise UsageError(f"There is no status {word!r}. There are: {', '.join(words)}.")
        for name, value in (("queue", self.queue), (option, path)):
            if value is not None and (not value or set(value) & set(",=\\ ")):
                raise UsageError(f"--{name} must be a name, not {value!r}.")
        if self.limit < 0:
            raise UsageError("--limit must be a number from 0, which stands for all.")

    def _phases[P: str](self, known: Mapping[P, TaskResultStatus]) -> frozenset[P]:
        words = {word.lower() for word in self.statuses}
        return frozenset(p for p, status in known.items() if not words or {p.lower(), status.lower()} & words)

    def _selector(self, known: Mapping[Any, TaskResultStatus], field: str, path: str | None) -> str:
        """A field selector for those that may match. A selector can say "and", but not "or"."""
        phases = self._phases(known)
        terms = [] if self.queue is None else [f"spec.queue={self.queue}"]
        if path is not None and "." in path:
            terms.append(f"spec.{field}={path}")
        if len(phases) == 1:
            terms += [f"status.phase={phase}" for phase in phases]
        else:
            terms += [f"status.phase!={phase}" for phase in known if phase not in phases]
        return ",".join(terms)

    def _matches(self, row: Row | WorkflowRow, path: str | None, of_row: str) -> bool:
        if self.statuses and not {row.phase.lower(), row.status.lower()} & {word.lower() for word in self.statuses}:
            return False
        return self.queue in (None, row.queue) and (
            path is None or path == of_row or ("." not in path and of_row.endswith(f".{path}"))
        )

    def _newest[T](self, items: Iterable[T], order: Callable[[T], Any]) -> tuple[list[T], int]:
        number = 0

        def counted() -> Iterable[T]:
            nonlocal number
            for item in items:
                number += 1
                yield item

        found = (
            heapq.nlargest(self.limit, counted(), key=order)
            if self.limit
            else sorted(counted(), key=order, reverse=True)
        )
        return found, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(_Filter):
    """Which tasks match."""

    NOUN: ClassVar = "task"

    task: str | None = None
    """The path, or its last part."""

    def __post_init__(self) -> None:
        self._check(STATUSES, "task", self.task)

    @property
    def is_given(self) -> bool:
        """Whether it says anything: else all tasks match."""
        return bool(self.queue or self.task or self.statuses)

    @property
    def phases(self) -> frozenset[Phase]:
        return self._phases(STATUSES)

    @property
    def selector(self) -> str:
        """A field selector for those that may match."""
        return self._selector(STATUSES, "task", self.task)

    def matches(self, row: Row) -> bool:
        """Whether a task matches."""
        return self._matches(row, self.task, row.task)

    def newest(self, resources: Iterable[Resource]) -> tuple[list[Resource], int]:
        """Returns the newest that match, the newest first, and how many match."""
        matching = ((shown, one) for one in resources if self.matches(shown := row(one)))
        found, number = self._newest(matching, lambda pair: (pair[0].enqueued_at or EVER, *pair[0].key))
        return [one for _, one in found], number


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFilter(_Filter):
    """Which workflows match."""

    NOUN: ClassVar = "workflow"

    workflow: str | None = None
    """The path of the function, or its last part."""

    def __post_init__(self) -> None:
        self._check(WORKFLOW_STATUSES, "workflow", self.workflow)

    @property
    def is_given(self) -> bool:
        """Whether it says anything: else all workflows match."""
        return bool(self.queue or self.workflow or self.statuses)

    @property
    def selector(self) -> str:
        """A field selector for those that may match."""
        return self._selector(WORKFLOW_STATUSES, "workflow", self.workflow)

    def matches(self, row: WorkflowRow) -> bool:
        """Whether a workflow matches."""
        return self._matches(row, self.workflow, row.workflow)

    def newest[T](self, pairs: Iterable[tuple[WorkflowRow, T]]) -> tuple[list[T], int]:
        """Returns what comes with the newest that match, the newest first, and how many match."""
        matching = (pair for pair in pairs if self.matches(pair[0]))
        found, number = self._newest(matching, lambda pair: (pair[0].created_at or EVER, *pair[0].key))
        return [one for _, one in found], number
