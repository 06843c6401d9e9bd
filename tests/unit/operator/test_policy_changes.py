"""A policy that is edited, or whose queue is deleted, while attempts run and results wait to be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from djangotasks_api.assignment import ASSIGNMENT_VARIABLE
from djangotasks_api.failure import ErrorReport
from djangotasks_api.models import Policy
from djangotasks_api.names import QUEUE_PLURAL
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports.authentication import AttemptRef
from tests.support.builders import NAMESPACE, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run

DAY = 86_400


def running(**queue: Any) -> InMemoryOperator:
    """An operator with a task whose first attempt runs."""
    operator = make_operator()
    operator.put_queue(**queue)
    operator.put_task(make_task())
    operator.drain()
    return operator


def end(operator: InMemoryOperator, number: int, *, succeeded: bool = False) -> None:
    """The attempt reports its outcome, and its pod ends."""
    task = operator.store.task(Key(NAMESPACE, "receipt"))
    assert task is not None
    now = operator.clock.now.isoformat()
    outcome = Outcome(started_at=now, finished_at=now, result="1")
    if not succeeded:
        error = ErrorReport(type="builtins.OSError", traceback="OSError\n")
        outcome = Outcome(started_at=now, finished_at=now, reason=Reason.TASK_ERROR, error=error)
    attempt = AttemptRef(Key(NAMESPACE, "receipt"), task.metadata.uid, number)
    run(operator.recorder.outcome(attempt, outcome))
    state = {"terminated": {"exitCode": 0 if succeeded else 1}}
    status = {"phase": "Failed", "containerStatuses": [{"name": "task", "state": state}]}
    operator.set_pod_status(f"receipt-{number}", status)
    operator.drain()


def retries_left(operator: InMemoryOperator, number: int) -> int:
    """How many retries there may be, as the attempt's pod knows. Without one, it sends task_finished."""
    (container,) = operator.server.get("pods", f"receipt-{number}")["spec"]["containers"]
    (assignment,) = (v["value"] for v in container["env"] if v["name"] == ASSIGNMENT_VARIABLE)
    found: int = json.loads(assignment)["retries_left"]
    return found


def without_queue(operator: InMemoryOperator) -> None:
    operator.server.delete(QUEUE_PLURAL, "default")
    operator.relist()
    operator.drain()


def restarted(operator: InMemoryOperator) -> InMemoryOperator:
    """Another process, which has seen nothing yet."""
    return make_operator(operator.api)


@pytest.mark.parametrize(("before", "after"), [(1, 5), (5, 1), (3, 2)])
def test_whether_another_attempt_follows_is_as_the_pod_knows_it(before: int, after: int) -> None:
    """Else its receivers of task_finished take a failure for final that is none, or are never called."""
    operator = running(policy=Policy(max_attempts=before))
    operator.put_queue(policy=Policy(max_attempts=after))
    for number in range(1, 6):
        follows = retries_left(operator, number) > 0
        end(operator, number)
        status = operator.status()
        assert (status.phase is Phase.RETRYING) == follows, f"attempt {number}"
        if not follows:
            break
        operator.wait(600)
    assert status.phase is Phase.FAILED
    assert len(status.attempts) == max(min(before, 2), after if before > 1 else 1), (
        "the edit holds from the next one on"
    )


def test_a_deleted_queues_policy_goes_on_to_hold() -> None:
    operator = running(policy=Policy(max_attempts=5, ttl_seconds_after_finished=7 * DAY))
    without_queue(operator)
    end(operator, 1)
    assert operator.status().phase is Phase.RETRYING
    operator.wait(600)
    assert operator.status().reason is Reason.QUEUE_NOT_FOUND, "it waits for the queue, and keeps its attempts"
    operator.put_queue(policy=Policy(max_attempts=5, ttl_seconds_after_finished=7 * DAY))
    operator.wait(60)
    end(operator, 2, succeeded=True)
    without_queue(operator)
    operator.wait(6 * DAY)
    assert operator.status().phase is Phase.SUCCEEDED, "its result can be read for as long as the queue said"
    operator.wait(2 * DAY)
    assert operator.names("djangotasks") == []


def test_a_deleted_queues_attempts_are_counted_by_an_operator_that_never_saw_it() -> None:
    operator = running(policy=Policy(max_attempts=2))
    operator.server.delete(QUEUE_PLURAL, "default")
    operator = restarted(operator)
    end(operator, 1)
    assert operator.status().phase is Phase.RETRYING
