"""Set the times right that a pod reports. Pure."""

from dataclasses import replace
from datetime import datetime

from djangotasks_api.outcome import Outcome
from djangotasks_operator.scheduling.timing import believed


def corrected(outcome: Outcome, earliest: datetime | None, now: datetime) -> Outcome:
    """The outcome with times that are believed. `earliest`: when the pod was created."""
    started_at = None
    if outcome.started_at is not None:
        started_at = believed(datetime.fromisoformat(outcome.started_at), earliest, now)
    finished_at = believed(datetime.fromisoformat(outcome.finished_at), started_at or earliest, now)
    return replace(
        outcome,
        started_at=None if started_at is None else started_at.isoformat(),
        finished_at=finished_at.isoformat(),
    )
