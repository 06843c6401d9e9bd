"""Places in the line of waiting tasks."""

from __future__ import annotations

from djangotasks_operator.scheduling.line import SortKey, sort_key
from djangotasks_operator.scheduling.scheduler import UNLIMITED, QueueQuota
from tests.support.builders import at


def key_of(priority: int, age: float, name: str, ageing: float = 0) -> SortKey:
    return sort_key(priority, at(-age), name, ageing)


def any_number(_: object) -> QueueQuota:
    return UNLIMITED
