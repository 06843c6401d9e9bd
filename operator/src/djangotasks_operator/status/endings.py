"""How a task's status changes when an attempt ends: it retries, or finishes. Old status to new. Pure."""

from dataclasses import asdict
from datetime import datetime, timedelta

from djangotasks_api.bounds import ERROR_TYPE_MAX_CHARS, INTERRUPTIONS_MAX, RESULT_MAX_BYTES, TRACEBACK_MAX_BYTES
from djangotasks_api.failure import ErrorReport
from djangotasks_api.models import Attempt, AttemptError, AttemptUsage, Condition, StoredText, TaskStatus
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import INTERRUPTIONS, Phase, Reason
from djangotasks_api.text import CUT, shorten
from djangotasks_operator.scheduling.limits import INTERRUPTION_BACKOFF, Limits, delay
from djangotasks_operator.status import progress
from djangotasks_operator.status.attempts import current_attempt, ended_attempts
from djangotasks_operator.status.items import with_items
from djangotasks_operator.status.text import bound_attempt_texts, plain, truncate_message

# Reasons that the next attempt would have as well: none is made.
NON_RETRYABLE = frozenset(
    {
        Reason.INVALID_IMAGE_NAME,
        Reason.POD_REFUSED,
        Reason.TOO_MANY_INTERRUPTIONS,
        Reason.INVALID_PAYLOAD,
        Reason.INVALID_SPEC,
        Reason.INVALID_TEMPLATE,
        Reason.EXPIRED,
    }
)
RESULT_LOST_MESSAGE = (
    "The task succeeded, but its result did not arrive: the operator was away for too long, and the result is longer "
    "than a termination message."
)


def with_outcome(
    task: str, status: TaskStatus, outcome: Outcome, limits: Limits, now: datetime, *, unreported: str | None = None
) -> TaskStatus:
    """The attempt has an outcome. `task`: the task's name. `unreported`: why it was not reported, but read."""
    started_at = None if outcome.started_at is None else datetime.fromisoformat(outcome.started_at)
    status = status.model_copy(update={"started_at": status.started_at or started_at})
    attempt = current_attempt(task, status)
    attempt = attempt.model_copy(
        update={
            "started_at": attempt.started_at or started_at,
            "finished_at": datetime.fromisoformat(outcome.finished_at),
            "recorded_at": now,
            "reason": outcome.reason,
            "message": None,
            "retry_after_seconds": outcome.retry_after,
            "unreported": unreported,
            "usage": None if outcome.usage is None else AttemptUsage(**asdict(outcome.usage)),
        }
    )
    last = outcome.progress
    own = (
        progress.of_attempt(status, attempt.number) if last is None else progress.from_report(last, attempt.number, now)
    )
    status = status.model_copy(update={"progress": own})
    if not outcome.succeeded:
        if outcome.items is not None:
            status = with_items(status, outcome.items)
        attempt = attempt.model_copy(update=_error_fields(outcome.error))
        return attempt_failed(status, attempt, limits, now, retryable=outcome.retryable)
    if outcome.workflow is not None:
        return _workflow_returned(status, attempt, outcome.workflow)
    ref = outcome.result_ref
    if ref is None and (outcome.result is None or len(outcome.result.encode()) > RESULT_MAX_BYTES):
        attempt = attempt.model_copy(update={"reason": Reason.RESULT_LOST, "message": RESULT_LOST_MESSAGE})
        return attempt_failed(status, attempt, limits, now, retryable=limits.retries(Reason.RESULT_LOST))
    changes = {"next_attempt_at": None, "result_length": outcome.length}
    status = status.model_copy(update={"attempts": [*ended_attempts(status), attempt], **changes})
    stored = None if ref is None else StoredText(**asdict(ref))
    return succeeded(status, outcome.result, attempt.finished_at or now, now, ref=stored)


def succeeded(
    status: TaskStatus, result: str | None, at: datetime, recorded_at: datetime, *, ref: StoredText | None = None
) -> TaskStatus:
    """The task has its result since `at`."""
    condition = Condition(type="Complete", status="True", reason="Succeeded", last_transition_time=recorded_at)
    return status.model_copy(
        update={
            "phase": Phase.SUCCEEDED,
            "reason": None,
            "message": None,
            "finished_at": at,
            "result": result,
            "result_ref": ref,
            "items": None,
            "conditions": [condition],
        }
    )


def attempt_ended_without_outcome(
    task: str,
    status: TaskStatus,
    reason: str,
    message: str,
    limits: Limits,
    now: datetime,
    *,
    exit_code: int | None = None,
    finished_at: datetime | None = None,
    memory_limit_bytes: int | None = None,
) -> TaskStatus:
    """The attempt ended, or cannot start. `task`: the task's name. `finished_at`: when its container ended, and
    `memory_limit_bytes`: the limit of which it used all, where it did."""
    attempt = current_attempt(task, status).model_copy(
        update={
            "finished_at": finished_at or now,
            "recorded_at": now,
            "exit_code": exit_code,
            "usage": None if memory_limit_bytes is None else _at_the_limit(memory_limit_bytes),
            "reason": reason,
            "message": truncate_message(message),
        }
    )
    status = status.model_copy(update={"progress": progress.of_attempt(status, attempt.number)})
    if reason in INTERRUPTIONS:
        return _attempt_interrupted(status, attempt, now)
    retryable = reason not in NON_RETRYABLE and limits.retries(reason)
    return attempt_failed(status, attempt, limits, now, retryable=retryable)


def _at_the_limit(memory: int) -> AttemptUsage:
    return AttemptUsage(memory_bytes=memory, memory_limit_bytes=memory)


def attempt_failed(
    status: TaskStatus, attempt: Attempt, limits: Limits, now: datetime, *, retryable: bool = True
) -> TaskStatus:
    """Count the ended attempt as a failure: the task is retried, or has failed."""
    attempts = bound_attempt_texts([*ended_attempts(status), attempt])
    failures = len(attempts) - status.interruptions
    status = status.model_copy(update={"attempts": attempts})
    if retryable and failures < limits.max_attempts:
        return _retrying(status, attempt, now + _retry_delay(attempt, failures, limits))
    if attempt.retry_after_seconds is not None:
        message = f"No attempt of maxAttempts ({limits.max_attempts}) is left to try again later. {attempt.message}"
        attempt = attempt.model_copy(update={"message": truncate_message(message)})
    at = attempt.finished_at or now
    return finished(status, Phase.FAILED, attempt.reason, attempt.message, at, recorded_at=now)


def cancelled(task: str, status: TaskStatus, now: datetime, *, begun: bool, reason: str | None = None) -> TaskStatus:
    """The task was cancelled, and its pod, if it had one, is gone. `task`: the task's name. `begun`: there is an
    attempt, which may not be in the status yet. `reason`: why, in the words given with the cancellation."""
    message = "Cancelled: the pod was stopped." if begun else "Cancelled before it started."
    if not begun and status.attempts:
        message = "Cancelled while it waited for its next attempt."
    if reason:
        message = truncate_message(f"{message} Reason given: {reason}")
    if begun:
        ended = current_attempt(task, status).model_copy(
            update={"finished_at": now, "recorded_at": now, "reason": Reason.CANCEL_REQUESTED, "message": message}
        )
        status = status.model_copy(update={"attempts": [*ended_attempts(status), ended]})
    return finished(status, Phase.CANCELLED, Reason.CANCEL_REQUESTED, message, now)


def finished(
    status: TaskStatus,
    phase: Phase,
    reason: str | None,
    message: str | None,
    at: datetime,
    *,
    recorded_at: datetime | None = None,
) -> TaskStatus:
    """The task is Failed or Cancelled since `at`. `recorded_at`: when that was learnt, where it is later."""
    condition = Condition(
        type="Failed",
        status="True",
        reason=reason or phase.value,
        message=message or "",
        last_transition_time=recorded_at or at,
    )
    return status.model_copy(
        update={
            "phase": phase,
            "reason": reason,
            "message": message,
            "finished_at": at,
            "next_attempt_at": None,
            "conditions": [condition],
        }
    )


def _error_fields(error: ErrorReport | None) -> dict[str, object]:
    """The message and the error of an attempt that raised."""
    if error is None:
        return {"message": "The task failed.", "error": None}
    traceback = shorten(plain(error.traceback), TRACEBACK_MAX_BYTES - len(CUT))
    return {
        "message": truncate_message(error.headline),
        "error": AttemptError(type=plain(error.type[:ERROR_TYPE_MAX_CHARS]), traceback=traceback),
    }


def _attempt_interrupted(status: TaskStatus, attempt: Attempt, now: datetime) -> TaskStatus:
    count = status.interruptions + 1
    attempts = bound_attempt_texts([*ended_attempts(status), attempt])
    status = status.model_copy(update={"attempts": attempts, "interruptions": count})
    if count <= INTERRUPTIONS_MAX:
        return _retrying(status, attempt, now + delay(INTERRUPTION_BACKOFF, count, attempt.job))
    message = f"Interrupted {count} times. The last time: {attempt.message}"
    return finished(status, Phase.FAILED, Reason.TOO_MANY_INTERRUPTIONS, truncate_message(message), now)


def _workflow_returned(status: TaskStatus, attempt: Attempt, workflow: str) -> TaskStatus:
    """The attempt has succeeded, and the task goes on as the workflow that it has returned."""
    return status.model_copy(
        update={
            "phase": Phase.RUNNING,
            "reason": Reason.WORKFLOW_RETURNED,
            "message": f"It has returned the workflow {workflow}, whose result will be the task's.",
            "attempts": [*ended_attempts(status), attempt],
            "next_attempt_at": None,
            "returned_workflow": workflow,
        }
    )


def _retrying(status: TaskStatus, attempt: Attempt, at: datetime) -> TaskStatus:
    return status.model_copy(
        update={
            "phase": Phase.RETRYING,
            "reason": attempt.reason,
            "message": attempt.message,
            "next_attempt_at": at,
        }
    )


def _retry_delay(attempt: Attempt, failures: int, limits: Limits) -> timedelta:
    if attempt.retry_after_seconds is not None:
        return timedelta(seconds=attempt.retry_after_seconds)
    return delay(limits.backoff, failures, attempt.job)
