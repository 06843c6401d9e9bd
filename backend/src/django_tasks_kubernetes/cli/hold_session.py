"""What the shells give the verbs of holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django_tasks_kubernetes.cli.output import Output
from django_tasks_kubernetes.codec.resource import Resource


class Holds(Protocol):
    """What of a HoldStore the verbs need."""

    @property
    def namespace(self) -> str: ...

    def now(self) -> datetime:
        """By the clock that the operator goes by."""

    def get(self, name: str) -> Resource:
        """Raises HoldDoesNotExist."""

    def held(self, queue: str) -> Resource | None: ...

    def find(self) -> Iterable[Resource]: ...

    def create(self, queue: str, spec: Mapping[str, Any]) -> Resource: ...

    def replace(self, hold: Resource, spec: Mapping[str, Any]) -> Resource: ...

    def delete(self, resource: Resource, *, dry_run: bool = False, unchanged: bool = False) -> None: ...

    def queues(self) -> set[tuple[str, str]] | None: ...

    def has_queue(self, name: str) -> bool | None: ...

    def user(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSession:
    """What a verb works with."""

    holds: Holds
    output: Output
    me: str
    """Who holds a queue, where the API server does not say who asks."""
