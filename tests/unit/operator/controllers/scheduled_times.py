"""The times of the schedule `nightly`, which is due once a minute, and what happens until one of them."""

from __future__ import annotations

from datetime import timedelta

from djangotasks_api.names import TASK_PLURAL
from tests.support.builders import NOW
from tests.unit.operator.harness import InMemoryOperator

# The builders' time is within a minute.
MINUTE = timedelta(minutes=1)
FIRST = (NOW + MINUTE).replace(second=0, microsecond=0)


def to(operator: InMemoryOperator, seconds_after_first: float) -> None:
    """Let time pass until so long after the first scheduled time, and reconcile every few seconds."""
    until = FIRST + timedelta(seconds=seconds_after_first)
    operator.drain()
    while operator.clock.now < until:
        operator.wait(min(5.0, (until - operator.clock.now).total_seconds()))


def task_names(operator: InMemoryOperator) -> list[str]:
    return [name for name in operator.names(TASK_PLURAL) if name.startswith("nightly")]


def end(operator: InMemoryOperator, name: str) -> None:
    ended = {"phase": "Succeeded", "finishedAt": operator.clock.now.isoformat()}
    operator.server.update(TASK_PLURAL, name, {"status": ended})
    operator.relist()
    operator.drain()


def condition(operator: InMemoryOperator) -> tuple[str, str]:
    (found,) = operator.schedule_status()["conditions"]
    return found["status"], found["reason"]
