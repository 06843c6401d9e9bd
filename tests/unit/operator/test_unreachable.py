"""Pods that cannot reach the operator: what their tasks say while they run, and once they have ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from djangotasks_api.models import Policy, TaskStatus
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.reports import ProgressReport
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.telemetry.event_rules import EventReason, event_draft, unreported_draft
from tests.support.builders import KEY, NAMESPACE, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run

URL = "http://10.0.0.7:8080"


def running(**policy: Any) -> InMemoryOperator:
    """An operator with a pod whose container runs, and of which no report has come."""
    operator = make_operator()
    operator.intake.url = URL
    operator.put_queue()
    operator.put_task(make_task(policy=Policy(**policy)))
    operator.drain()
    state = {"running": {"startedAt": operator.clock.stamp()}}
    operator.set_pod_status("receipt-1", {"phase": "Running", "containerStatuses": [{"name": "task", "state": state}]})
    operator.drain()
    return operator


def attempt_of(operator: InMemoryOperator) -> AttemptRef:
    task = operator.store.task(Key(NAMESPACE, "receipt"))
    assert task is not None
    return AttemptRef(Key(NAMESPACE, "receipt"), task.metadata.uid, 1)


def shown(operator: InMemoryOperator) -> tuple[Phase, str | None]:
    return operator.status().phase, operator.status().reason


def test_a_task_says_that_no_report_of_it_has_come() -> None:
    operator = running()
    assert shown(operator) == (Phase.QUEUED, None)
    operator.wait(11)
    assert shown(operator) == (Phase.STARTING, None), "it may still set Django up"
    before = operator.status()
    operator.wait(10)
    assert shown(operator) == (Phase.RUNNING, Reason.NO_REPORT)
    assert URL in (operator.status().message or "")
    draft = event_draft(before, operator.status())
    assert draft is not None
    assert draft.reason is EventReason.NOT_REPORTED
    assert "cannot reach the operator" in draft.message


@pytest.mark.parametrize("kind", ["started", "progress"])
def test_it_is_said_no_more_once_a_report_comes(kind: str) -> None:
    operator = running()
    operator.wait(25)
    started_at = operator.status().attempts[0].started_at
    now = operator.clock.now
    if kind == "started":
        run(operator.recorder.write_start(attempt_of(operator), now))
    else:
        run(operator.recorder.write_progress(attempt_of(operator), ProgressReport(started_at=now.isoformat(), done=1)))
    assert shown(operator) == (Phase.RUNNING, None)
    assert operator.status().attempts[0].started_at == started_at, "a late report puts no deadline off"


def test_a_report_in_time_is_all_there_is() -> None:
    operator = running()
    run(operator.recorder.write_start(attempt_of(operator), operator.clock.now))
    operator.wait(600)
    assert shown(operator) == (Phase.RUNNING, None)


def test_reports_that_may_be_lost_are_waited_for_once_more() -> None:
    """As after a change of the leader: the runner repeats what nobody took."""
    operator = running()
    operator.wait(15)
    operator.intake.interrupted(operator.clock.now)
    operator.wait(10)
    assert shown(operator) == (Phase.STARTING, None)
    operator.wait(11)
    assert shown(operator) == (Phase.RUNNING, Reason.NO_REPORT)


def test_a_heartbeat_timeout_says_that_no_report_came() -> None:
    operator = running(heartbeat_timeout_seconds=30)
    operator.wait(25)
    operator.wait(31)
    attempt = operator.status().attempts[0]
    assert attempt.reason == Reason.HEARTBEAT_TIMEOUT
    assert "No report of the attempt has come" in (attempt.message or "")


@pytest.mark.parametrize(
    ("unreported", "words"),
    [
        ("ConnectionRefusedError: [Errno 111]", "The pod says: ConnectionRefusedError: [Errno 111]"),
        (None, "not reported it."),
    ],
)
def test_an_outcome_that_was_read_says_why_it_was_not_reported(unreported: str | None, words: str) -> None:
    operator = running()
    before = operator.status()
    now = operator.clock.now.isoformat()
    outcome = Outcome(started_at=now, finished_at=now, result="1", unreported=unreported)
    token = sign(KEY, NAMESPACE, operator.server.get(TASK_PLURAL, "receipt")["metadata"]["uid"], 1)
    state = {"terminated": {"exitCode": 0, "message": outcome.to_termination_message(token)}}
    operator.set_pod_status(
        "receipt-1", {"phase": "Succeeded", "containerStatuses": [{"name": "task", "state": state}]}
    )
    operator.drain()
    status = operator.status()
    assert (status.phase, status.reason, status.result) == (Phase.SUCCEEDED, None, "1")
    assert (status.attempts[0].unreported or "").endswith(words)
    draft = unreported_draft(before, status)
    assert draft is not None
    assert draft.reason is EventReason.NOT_REPORTED
    assert words in draft.message


def test_an_outcome_that_was_reported_says_nothing_of_that() -> None:
    operator = running()
    before, now = operator.status(), operator.clock.now.isoformat()
    # A runner that gave up once, and then got through.
    outcome = replace(Outcome(started_at=now, finished_at=now, result="1"), unreported="TimeoutError")
    run(operator.recorder.outcome(attempt_of(operator), outcome))
    status = operator.status()
    assert status.attempts[0].unreported is None
    assert unreported_draft(before, status) is None
    assert unreported_draft(TaskStatus(), TaskStatus()) is None
