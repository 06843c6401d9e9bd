"""Outcomes that the operator makes of others. Pure."""

from dataclasses import replace

from djangotasks_api.failure import ErrorReport
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_operator.status.text import truncate_message

TOO_LARGE = (
    "ResultTooLarge: The API server does not store the task with this result: return less, or let OPTIONS['STORAGE'] "
    "take large results."
)


def result_too_large(outcome: Outcome) -> Outcome:
    """The failure that an outcome is whose result cannot be stored."""
    return replace(
        outcome,
        result=None,
        items=None,
        reason=Reason.RESULT_TOO_LARGE,
        error=ErrorReport(type=Reason.RESULT_TOO_LARGE.value, traceback=TOO_LARGE),
        retryable=False,
    )


def unreported_message(outcome: Outcome) -> str:
    """Say that an outcome was read from a termination message, and what kept the pod from reporting it."""
    words = f" The pod says: {outcome.unreported}" if outcome.unreported else ""
    return truncate_message(f"The outcome was read from the pod, which had not reported it.{words}")
