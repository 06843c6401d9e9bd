"""Tasks, attempts and pods that cases of decisions start from."""

from __future__ import annotations

from djangotasks_api.models import TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from tests.support.builders import (
    at,
    make_attempt,
    make_job,
    make_pod,
)

RUNNING = TaskStatus(phase=Phase.RUNNING, attempts=[make_attempt(started_at=at(-10))], started_at=at(-10))
STARTING = TaskStatus(phase=Phase.STARTING, attempts=[make_attempt()])
FAILED_ONCE = TaskStatus(
    phase=Phase.RETRYING,
    attempts=[make_attempt(started_at=at(-20), finished_at=at(-10), recorded_at=at(-6), reason=Reason.TASK_ERROR)],
    next_attempt_at=at(-5),
)
SUCCEEDED = TaskStatus(
    phase=Phase.SUCCEEDED,
    attempts=[make_attempt(started_at=at(-20), finished_at=at(-10))],
    finished_at=at(-10),
    result="1",
)
STOPPING = TaskStatus(
    phase=Phase.RUNNING,
    attempts=[make_attempt(started_at=at(-10), reason=Reason.DEADLINE_EXCEEDED, message="too long")],
)
ALIVE = make_pod(running_since=at(-10))
SUCCESS = Outcome(started_at="2026-11-23T11:59:50Z", finished_at="2026-11-23T11:59:59Z", result="42")

JOB = (make_job(),)
