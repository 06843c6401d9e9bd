"""How a status changes while a task waits, starts and runs."""

from __future__ import annotations

import pytest

from djangotasks_api.models import Progress, TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.status import transitions
from tests.support.builders import NOW, at, make_attempt

NEW = TaskStatus()
RETRYING = TaskStatus(
    phase=Phase.RETRYING, attempts=[make_attempt(finished_at=at(-5), reason=Reason.EVICTED)], next_attempt_at=NOW
)


@pytest.mark.parametrize(("status", "phase"), [(NEW, Phase.QUEUED), (RETRYING, Phase.RETRYING)])
def test_a_waiting_task_says_for_what(status: TaskStatus, phase: Phase) -> None:
    waiting = transitions.waiting(status, Reason.QUOTA_EXCEEDED, "no room")
    assert (waiting.phase, waiting.reason, waiting.message) == (phase, Reason.QUOTA_EXCEEDED, "no room")
    assert waiting.attempts == status.attempts


def test_a_starting_task_has_its_attempt_recorded() -> None:
    starting = transitions.starting("receipt", RETRYING, None, None)
    assert (starting.phase, [a.number for a in starting.attempts], starting.next_attempt_at) == (
        Phase.STARTING,
        [1, 2],
        None,
    )


def test_a_running_task_keeps_its_first_start() -> None:
    first = transitions.running("receipt", NEW, at(-60))
    ended = first.model_copy(update={"attempts": [first.attempts[0].model_copy(update={"finished_at": at(-30)})]})
    second = transitions.running("receipt", ended, at(-10))
    assert (second.started_at, [a.started_at for a in second.attempts]) == (at(-60), [at(-60), at(-10)])


def test_a_start_is_the_first_heartbeat() -> None:
    """By the operator's clock, since the pod's may be wrong."""
    running = transitions.running("receipt", NEW, at(-3600), alive_at=NOW)
    assert running.progress == Progress(attempt=1, updated_at=NOW)


def test_an_attempt_that_is_being_stopped_is_still_open() -> None:
    running = transitions.running("receipt", NEW, at(-60))
    stopping = transitions.attempt_stopping("receipt", running, Reason.DEADLINE_EXCEEDED, "late")
    (attempt,) = stopping.attempts
    assert (stopping.phase, stopping.reason) == (Phase.RUNNING, Reason.DEADLINE_EXCEEDED)
    assert (attempt.reason, attempt.message, attempt.finished_at) == (Reason.DEADLINE_EXCEEDED, "late", None)
