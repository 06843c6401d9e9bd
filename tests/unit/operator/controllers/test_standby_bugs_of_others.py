"""Standby pods, by what went wrong with the warm pools of other systems, and with what pauses them."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import Policy
from tests.support.builders import make_task
from tests.unit.operator.harness import InMemoryOperator
from tests.unit.operator.standby_stage import ask, condition, live, make_warm, waiting

pytestmark = pytest.mark.thorough


def set_sidecar(operator: InMemoryOperator, name: str, state: dict[str, Any]) -> None:
    """What has become of a container beside the task's own, which runs."""
    running = {"running": {"startedAt": "2026-07-01T12:00:00Z"}}
    statuses = [{"name": "task", "state": running}, {"name": "proxy", "state": state}]
    operator.set_pod_status(name, {"phase": "Running", "containerStatuses": statuses})
    operator.drain()


def test_a_pod_whose_sidecar_has_failed_is_given_no_task() -> None:
    """Its own container waits all the same, and restartPolicy Never leaves the other one as it is.
    https://github.com/xiaods/k8e/pull/500"""
    operator = make_warm(standby={"min": 1, "max": 1})
    (broken,) = live(operator)
    set_sidecar(operator, broken, {"terminated": {"exitCode": 2}})
    operator.put_task(make_task())
    operator.drain()
    assert waiting(operator).delivered == []
    assert "receipt-1" in operator.names("pods")
    found = condition(operator)
    assert found is not None
    assert (found.reason, found.message.partition(":")[2]) == ("Failing", " proxy, with exit code 2.")
    for _ in range(40):
        operator.wait(1)
    assert broken not in live(operator)
    assert len(live(operator)) == 1


def test_a_sidecar_that_has_done_its_work_takes_nothing_from_a_pod() -> None:
    operator = make_warm(standby={"min": 1, "max": 1})
    (there,) = live(operator)
    set_sidecar(operator, there, {"terminated": {"exitCode": 0}})
    operator.put_task(make_task())
    operator.drain()
    assert [name for name, _ in waiting(operator).delivered] == [there]


def test_a_held_queue_starts_no_further_attempt_and_keeps_no_pods() -> None:
    """What was paused went on with what it had begun: https://github.com/ablative-io/aion/issues/203"""
    operator = make_warm(standby={"min": 2})
    operator.put_task(make_task(policy=Policy(max_attempts=3)))
    operator.drain()
    ((pod, _),) = waiting(operator).delivered
    operator.put_hold(concurrency=0)
    state = {"terminated": {"exitCode": 1, "reason": "Error"}}
    operator.set_pod_status(pod, {"phase": "Failed", "containerStatuses": [{"name": "task", "state": state}]})
    for _ in range(60):
        operator.wait(10)
        ask(operator)
    assert [name for name in operator.names("jobs") if name != "receipt-1"] == []
    assert live(operator) == []
    found = condition(operator)
    assert found is not None
    assert found.reason == "Suspended"


def test_what_is_said_of_a_pool_follows_its_pods() -> None:
    """It stayed what it was when the pool was last compared: https://github.com/trycua/cua/issues/3126"""
    operator = make_warm(standby={"min": 2, "max": 2})
    ready = []
    for asks in (True, False, True):
        if asks:
            ask(operator)
        else:
            waiting(operator).stop()
        operator.wait(60)
        status = operator.queue_status().standby
        assert status is not None
        ready.append(status.ready)
    assert ready == [2, 0, 2]
