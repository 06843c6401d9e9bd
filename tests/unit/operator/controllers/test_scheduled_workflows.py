"""Schedules that create workflows."""

from __future__ import annotations

from typing import Any

from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL, scheduled_task_name
from tests.unit.operator.controllers.scheduled_times import FIRST, MINUTE, to
from tests.unit.operator.harness import InMemoryOperator
from tests.unit.operator.workflow_stage import step

NAME, NEXT = (scheduled_task_name("nightly", FIRST + number * MINUTE) for number in range(2))
WORKFLOW: dict[str, Any] = {"workflow": "shop.flows.report", "steps": [step("a", 1), step("b", after=["a"])]}


def workflow(operator: InMemoryOperator, name: str = NAME) -> Any:
    return operator.server.get(WORKFLOW_PLURAL, name)


def end(operator: InMemoryOperator, *tasks: str) -> None:
    for name in tasks:
        stamp = operator.clock.stamp()
        status = {"phase": "Succeeded", "finishedAt": stamp, "result": "null"}
        operator.server.update(TASK_PLURAL, name, {"status": status})
        operator.relist()
        operator.drain()
        operator.wait(1)


def test_a_workflow_is_created_when_it_is_due_and_runs(operator: InMemoryOperator) -> None:
    operator.put_schedule(workflow=WORKFLOW)
    to(operator, 10)
    assert operator.names(WORKFLOW_PLURAL) == [NAME]
    body = workflow(operator)
    assert body["metadata"]["labels"]["djangotasks.dev/schedule"] == "nightly"
    assert (body["spec"]["schedule"], body["spec"]["workflow"]) == ("nightly", "shop.flows.report")
    status = operator.schedule_status()
    assert (status["lastTask"], status["active"]) == (NAME, 1)
    # So that context.scheduled_for says for which time it is.
    assert operator.server.get(TASK_PLURAL, f"{NAME}-a")["spec"]["scheduledFor"] == body["spec"]["scheduledFor"]
    end(operator, f"{NAME}-a", f"{NAME}-b")
    assert workflow(operator)["status"]["phase"] == "Succeeded"
    operator.wait(6)
    assert operator.schedule_status()["active"] == 0


def test_the_next_time_is_left_out_while_the_workflow_runs(operator: InMemoryOperator) -> None:
    operator.put_schedule(workflow=WORKFLOW)
    to(operator, 65)
    assert operator.names(WORKFLOW_PLURAL) == [NAME]
    assert operator.schedule_status()["skipped"]["reason"] == "PreviousUnfinished"


def test_what_waits_is_created_when_the_workflow_is_over(operator: InMemoryOperator) -> None:
    operator.put_schedule(workflow=WORKFLOW, concurrencyPolicy="Queue")
    to(operator, 60)
    assert operator.names(WORKFLOW_PLURAL) == [NAME]
    end(operator, f"{NAME}-a", f"{NAME}-b")
    assert operator.names(WORKFLOW_PLURAL) == [NAME, NEXT]


def test_a_workflow_is_replaced_once_it_is_over(operator: InMemoryOperator) -> None:
    # No pod is to be seen gone, where the queue is missing.
    steps = [step("a", queue="missing"), step("clean", after=["a"], runs="Always", queue="missing")]
    operator.put_schedule(workflow={"steps": steps}, concurrencyPolicy="Replace")
    to(operator, 61)
    assert workflow(operator)["spec"]["cancelReason"] == "replaced by the schedule nightly"
    assert operator.names(WORKFLOW_PLURAL) == [NAME]
    end(operator, f"{NAME}-clean")
    assert workflow(operator)["status"]["phase"] == "Cancelled"
    assert operator.names(WORKFLOW_PLURAL) == [NAME, NEXT]


def test_a_workflow_is_not_created_twice_by_a_leader_that_died_before_the_status(operator: InMemoryOperator) -> None:
    operator.put_schedule(workflow=WORKFLOW)
    to(operator, 0)
    operator.lead()
    to(operator, 15)
    assert operator.api.requests.count(f"create {WORKFLOW_PLURAL} {NAME}") == 1
    assert operator.schedule_status()["lastTask"] == NAME


def test_a_finished_workflow_stays_a_minute(operator: InMemoryOperator) -> None:
    policy = {"ttlSecondsAfterFinished": 0}
    operator.put_schedule(workflow=WORKFLOW | {"policy": policy}, concurrencyPolicy="Allow")
    to(operator, 0)
    end(operator, f"{NAME}-a", f"{NAME}-b")
    to(operator, 50)
    assert NAME in operator.names(WORKFLOW_PLURAL)
    to(operator, 90)
    assert NAME not in operator.names(WORKFLOW_PLURAL)


def test_a_schedule_needs_the_queues_of_all_steps(operator: InMemoryOperator) -> None:
    steps = [step("a", queue="missing"), step("b")]
    operator.put_schedule(workflow={"steps": steps})
    operator.drain()
    (found,) = operator.schedule_status()["conditions"]
    assert (found["status"], found["reason"]) == ("False", "QueueNotFound")
    operator.put_queue("missing")
    operator.drain()
    (found,) = operator.schedule_status()["conditions"]
    assert found["reason"] == "Ready"


def test_the_steps_are_not_kept_in_memory(operator: InMemoryOperator) -> None:
    operator.put_schedule(workflow=WORKFLOW)
    (schedule,) = operator.store.schedules.all()
    assert set(schedule.spec["workflow"]) == {"workflow"}
