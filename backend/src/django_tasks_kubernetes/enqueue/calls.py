"""The calls of enqueue_many(), and the report of what became of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django_tasks_kubernetes.result import KubernetesResult
from django_tasks_kubernetes.task import AnyTask

# A task with its arguments: (task,), (task, args) or (task, args, kwargs).
type Call = tuple[AnyTask] | tuple[AnyTask, Sequence[Any]] | tuple[AnyTask, Sequence[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """A call whose task was not created. After an ApiUnavailable it may exist all the same."""

    index: int
    """The position of the call, from 0."""

    call: Call
    error: Exception


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What became of each call."""

    results: list[KubernetesResult | None] = field(default_factory=list)
    """By the index of the call; None for one that was not accepted."""

    not_accepted: list[NotAccepted] = field(default_factory=list)

    @property
    def accepted(self) -> list[KubernetesResult]:
        """The results of the calls that were accepted."""
        return [result for result in self.results if result is not None]

    def raise_for_not_accepted(self) -> None:
        """Raises an ExceptionGroup of the errors, if there are any."""
        if self.not_accepted:
            number, of = len(self.not_accepted), len(self.results)
            raise ExceptionGroup(
                f"{number:,} of {of:,} tasks were not accepted", [failure.error for failure in self.not_accepted]
            )


def unpack(call: Call) -> tuple[AnyTask, Sequence[Any], Mapping[str, Any]]:
    """Raises TypeError where it is not a call."""
    match call:
        case (task,):
            return task, (), {}
        case (task, args):
            return task, args, {}
        case (task, args, kwargs):
            return task, args, kwargs
        case _:
            raise TypeError(f"A call is (task,), (task, args) or (task, args, kwargs), not {call!r}.")
