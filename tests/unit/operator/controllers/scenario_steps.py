"""What the scenarios of the task controller have in common."""

from __future__ import annotations

from typing import Any

from djangotasks_api.names import TASK_PLURAL
from tests.unit.operator.model.scenario import Scenario
from tests.unit.operator.model.simulation import Process


def settle(scenario: Scenario) -> None:
    scenario.operator_gets_on(lambda *items: items[0])
    scenario.look()


def status(scenario: Scenario, name: str = "a") -> dict[str, Any]:
    found: dict[str, Any] = scenario.server.objects[TASK_PLURAL, name]["status"]
    return found


def start(scenario: Scenario, pod: str) -> Process:
    """The pod's container starts, and nobody hears of that."""
    process = scenario.world.start(next(p for p in scenario.world.waiting() if p.name == pod))
    assert process is not None
    scenario.world.reports.clear()
    return process
