"""What the processes in the pods report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djangotasks_api.failure import ErrorReport
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.reports import ProgressReport

if TYPE_CHECKING:
    from tests.unit.operator.model.simulation import Process

OUTCOMES = ("success", "success", "lost result", "failure", "failure", "final failure", "long failure")


def make_outcome(kind: str, process: Process, finished_at: str) -> Outcome:
    started_at = process.started_at
    progress = ProgressReport(started_at=started_at, done=process.said) if process.said else None
    if kind in ("success", "lost result"):
        result, truncated = ("42", False) if kind == "success" else (None, True)
        return Outcome(
            started_at=started_at, finished_at=finished_at, result=result, truncated=truncated, progress=progress
        )
    traceback = "Traceback:\nKeyError: 🎉\n" if kind != "long failure" else "🎉" * 20_000
    return Outcome(
        started_at=started_at,
        finished_at=finished_at,
        reason=Reason.TASK_ERROR,
        error=ErrorReport(type="builtins.KeyError", traceback=traceback),
        retryable=kind != "final failure",
        progress=progress,
    )


def readable(outcome: Outcome) -> bool:
    """As the endpoint finds it. It answers 400 to others, and changes nothing."""
    try:
        Outcome.from_json(outcome.to_json())
    except InvalidReport:
        return False
    return True
