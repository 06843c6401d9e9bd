"""Heartbeats that are missed, on the model check's simulation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.operator.controllers.scenario_steps import settle, start, status
from tests.unit.operator.model.outcomes import make_outcome
from tests.unit.operator.model.quiescence import run_to_quiescence
from tests.unit.operator.model.scenario import Scenario
from tests.unit.operator.model.simulation import Process


def silent_task(scenario: Scenario, **policy: Any) -> Process:
    """A task that runs, with a heartbeat timeout of a minute, and has said something once."""
    scenario.world.enqueue("a", {"policy": {"heartbeatTimeoutSeconds": 60} | policy})
    settle(scenario)
    process = start(scenario, "a-1")
    say(scenario, process)
    return process


def say(scenario: Scenario, process: Process) -> None:
    scenario.world.say(process)
    scenario.deliver(scenario.world.reports.pop(), scenario.leader)
    scenario.leader.drain()
    scenario.look()


def test_a_task_that_hangs_is_stopped_at_its_heartbeat_timeout(scenario: Scenario) -> None:
    process = silent_task(scenario)
    process.hangs = True
    run_to_quiescence(scenario)
    assert (status(scenario)["phase"], status(scenario)["reason"]) == ("Failed", "HeartbeatTimeout")
    assert not process.alive


@pytest.mark.parametrize("trouble", ["restart", "failover"])
def test_heartbeats_missed_while_nobody_led_do_not_count(scenario: Scenario, trouble: str) -> None:
    silent_task(scenario)
    scenario.world.clock.advance(300)
    scenario.process_is_gone(lambda *items: trouble if trouble in items else items[0])
    settle(scenario)
    assert "reason" not in status(scenario)
    scenario.world.clock.advance(59)
    settle(scenario)
    assert "reason" not in status(scenario)
    scenario.world.clock.advance(2)
    settle(scenario)
    assert status(scenario)["reason"] == "HeartbeatTimeout"


def test_heartbeats_missed_while_the_api_server_was_away_do_not_count(scenario: Scenario) -> None:
    silent_task(scenario)
    scenario.world.clock.advance(61)
    assert scenario.leader.begin_work()
    scenario.leader.fail(0)
    settle(scenario)
    scenario.world.clock.advance(10)
    settle(scenario)
    assert "reason" not in status(scenario)
    scenario.world.clock.advance(51)
    settle(scenario)
    assert status(scenario)["reason"] == "HeartbeatTimeout"


def test_a_heartbeat_in_the_last_moment_saves_the_attempt(scenario: Scenario) -> None:
    """The leader is about to write that the attempt is silent, when another replica hears of it."""
    process = silent_task(scenario)
    scenario.world.clock.advance(61)
    assert scenario.leader.begin_work()
    scenario.world.say(process)
    scenario.deliver(scenario.world.reports.pop(), scenario.replicas[1])
    scenario.replicas[1].drain()
    settle(scenario)
    assert (status(scenario).get("reason"), status(scenario)["progress"]["text"]) == (None, "2")
    # What comes too late changes nothing: it is being stopped.
    scenario.world.clock.advance(61)
    settle(scenario)
    assert status(scenario)["reason"] == "HeartbeatTimeout"
    say(scenario, process)
    assert (status(scenario)["reason"], status(scenario)["progress"]["text"]) == ("HeartbeatTimeout", "2")


def test_an_outcome_of_an_attempt_that_is_being_stopped_is_not_lost(scenario: Scenario) -> None:
    process = silent_task(scenario)
    scenario.world.clock.advance(61)
    settle(scenario)
    scenario.world.finish(process, make_outcome("success", process, scenario.world.clock.now.isoformat()))
    scenario.deliver(scenario.world.reports.pop(), scenario.leader)
    settle(scenario)
    assert (status(scenario)["phase"], status(scenario)["result"]) == ("Succeeded", "42")
