"""How a task's status changes: one function a transition, from the old status to the new. Pure."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from djangotasks_api.models import Attempt, AttemptError, Condition, Progress, StoredText, TaskStatus
from djangotasks_api.names import MESSAGE_MAX_CHARS, RESULT_MAX_BYTES, TRACEBACK_MAX_BYTES, job_name
from djangotasks_api.outcome import CUT, Outcome, ProgressReport, shorten
from djangotasks_api.phases import INTERRUPTIONS, Phase, Reason
from djangotasks_operator import progress
from djangotasks_operator.policy import INTERRUPTION_BACKOFF, MAX_INTERRUPTIONS, Limits, delay

# What can go wrong again in just the same way: no other attempt is made.
HOPELESS = frozenset(
    {
        Reason.INVALID_IMAGE_NAME,
        Reason.POD_REFUSED,
        Reason.TOO_MANY_INTERRUPTIONS,
        Reason.INVALID_PAYLOAD,
        Reason.EXPIRED,
    }
)
# All texts of a status together, in UTF-8: etcd takes 1.5 MiB, and the payload and the result need their share.
TEXTS_MAX_BYTES = 256 * 1024
# What is left of the type, the message and the traceback of an old attempt.
OLD_TYPE_MAX_CHARS, OLD_MESSAGE_MAX_CHARS, OLD_TRACEBACK_MAX_CHARS = 128, 256, 512
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def sentence(text: str) -> str:
    """Any text as a message of the API: bounded."""
    return shorten(text, MESSAGE_MAX_CHARS - len(CUT))


def open_attempt(status: TaskStatus) -> Attempt | None:
    """The attempt that was recorded and has not ended."""
    last = status.attempts[-1] if status.attempts else None
    return last if last is not None and last.finished_at is None else None


def current_number(status: TaskStatus) -> int:
    """The number of the attempt that runs, or of the next one."""
    attempt = open_attempt(status)
    if attempt is not None:
        return attempt.number
    return status.attempts[-1].number + 1 if status.attempts else 1


def just_ended(old: TaskStatus, new: TaskStatus) -> Attempt | None:
    """The attempt that ended between the two."""
    number = len(new.attempts)
    if not number or new.attempts[-1].finished_at is None:
        return None
    known = len(old.attempts) == number and old.attempts[-1].finished_at is not None
    return None if known else new.attempts[-1]


def waiting(status: TaskStatus, reason: Reason | None, message: str | None) -> TaskStatus:
    """It waits to be started, and says for what."""
    phase = Phase.RETRYING if status.attempts else Phase.QUEUED
    return status.model_copy(
        update={"phase": phase, "reason": reason, "message": sentence(message) if message else None}
    )


def starting(task: str, status: TaskStatus, reason: Reason | None, message: str | None) -> TaskStatus:
    """Its pod exists, and takes its time."""
    attempt = _current(task, status)
    return status.model_copy(
        update={
            "phase": Phase.STARTING,
            "reason": reason,
            "message": sentence(message) if message else None,
            "attempts": [*_ended(status), attempt],
            "next_attempt_at": None,
            "progress": progress.of_attempt(status, attempt.number),
        }
    )


def running(task: str, status: TaskStatus, started_at: datetime, *, alive_at: datetime | None = None) -> TaskStatus:
    """The task's function was called. `alive_at`: when that was learnt, where the attempt has a heartbeat timeout: its
    start is the first sign of life, and the pod's clock may be wrong."""
    attempt = _current(task, status).model_copy(update={"started_at": started_at})
    return status.model_copy(
        update={
            "phase": Phase.RUNNING,
            "reason": None,
            "message": None,
            "attempts": [*_ended(status), attempt],
            "started_at": status.started_at or started_at,
            "next_attempt_at": None,
            "progress": (
                progress.of_attempt(status, attempt.number)
                if alive_at is None
                else Progress(attempt=attempt.number, updated_at=alive_at)
            ),
        }
    )


def with_progress(task: str, status: TaskStatus, report: ProgressReport, now: datetime) -> TaskStatus:
    """The attempt said how far it is: so it runs, whether that was known or not."""
    attempt = _current(task, status)
    if attempt.started_at is None:
        status = running(task, status, datetime.fromisoformat(report.started_at))
    return status.model_copy(update={"progress": progress.shown(report, attempt.number, now)})


def condemned(task: str, status: TaskStatus, reason: Reason, message: str) -> TaskStatus:
    """The attempt has failed, but its pod may still run: recorded first, so that a restart of the operator
    between the pod's deletion and its end does not take our own doing for an interruption."""
    attempt = _current(task, status).model_copy(update={"reason": reason, "message": sentence(message)})
    return status.model_copy(
        update={"reason": reason, "message": sentence(message), "attempts": [*_ended(status), attempt]}
    )


def stuck(status: TaskStatus, reason: Reason, message: str) -> TaskStatus:
    """Nothing moves, and a person may have to help."""
    return status.model_copy(update={"reason": reason, "message": sentence(message)})


def with_outcome(task: str, status: TaskStatus, outcome: Outcome, limits: Limits, now: datetime) -> TaskStatus:
    """The attempt reported how it ended."""
    started_at = None if outcome.started_at is None else datetime.fromisoformat(outcome.started_at)
    status = status.model_copy(update={"started_at": status.started_at or started_at})
    attempt = _current(task, status)
    attempt = attempt.model_copy(
        update={
            "started_at": attempt.started_at or started_at,
            "finished_at": datetime.fromisoformat(outcome.finished_at),
            "reason": outcome.reason,
            "message": None,
            "retry_after_seconds": outcome.retry_after,
        }
    )
    told = outcome.progress
    own = progress.of_attempt(status, attempt.number) if told is None else progress.shown(told, attempt.number, now)
    status = status.model_copy(update={"progress": own})
    if not outcome.succeeded:
        error = outcome.error
        message = "The task failed." if error is None else summary(error.traceback)
        return failed_attempt(
            status,
            attempt.model_copy(
                update={
                    "message": sentence(message),
                    "error": None
                    if error is None
                    else AttemptError(
                        type=error.type[:512],
                        traceback=shorten(error.traceback, TRACEBACK_MAX_BYTES - len(CUT)),
                    ),
                }
            ),
            limits,
            now,
            retryable=outcome.retryable,
        )
    ref = outcome.result_ref
    if ref is None and (outcome.result is None or len(outcome.result.encode()) > RESULT_MAX_BYTES):
        message = (
            "The task succeeded, but its result did not arrive: the operator was away for too long, and the "
            "result is longer than a termination message."
        )
        lost = attempt.model_copy(update={"reason": Reason.RESULT_LOST, "message": message})
        return failed_attempt(status, lost, limits, now, retryable=limits.retries(Reason.RESULT_LOST))
    return status.model_copy(
        update={
            "phase": Phase.SUCCEEDED,
            "reason": None,
            "message": None,
            "attempts": [*_ended(status), attempt],
            "finished_at": attempt.finished_at,
            "next_attempt_at": None,
            "result": outcome.result,
            "result_ref": None if ref is None else StoredText(**asdict(ref)),
            "conditions": [Condition(type="Complete", status="True", reason="Succeeded", last_transition_time=now)],
        }
    )


def died(
    task: str,
    status: TaskStatus,
    reason: str,
    message: str,
    limits: Limits,
    now: datetime,
    *,
    exit_code: int | None = None,
    finished_at: datetime | None = None,
) -> TaskStatus:
    """The attempt ended without an outcome. `finished_at`: when its container ended, where that is known."""
    attempt = _current(task, status).model_copy(
        update={
            "finished_at": finished_at or now,
            "exit_code": exit_code,
            "reason": reason,
            "message": sentence(message),
        }
    )
    status = status.model_copy(update={"progress": progress.of_attempt(status, attempt.number)})
    if reason in INTERRUPTIONS:
        return _interrupted(status, attempt, now)
    retryable = reason not in HOPELESS and limits.retries(reason)
    return failed_attempt(status, attempt, limits, now, retryable=retryable)


def failed_attempt(
    status: TaskStatus, attempt: Attempt, limits: Limits, now: datetime, *, retryable: bool = True
) -> TaskStatus:
    """The attempt counts as a failure: another one, or the end."""
    attempts = _bounded([*_ended(status), attempt])
    failures = len(attempts) - status.interruptions
    status = status.model_copy(update={"attempts": attempts})
    if retryable and failures < limits.max_attempts:
        return _retrying(status, attempt, now + _wait_after(attempt, failures, limits))
    if attempt.retry_after_seconds is not None:
        message = f"No attempt of maxAttempts ({limits.max_attempts}) is left to try again later. {attempt.message}"
        attempt = attempt.model_copy(update={"message": sentence(message)})
    return finished(status, Phase.FAILED, attempt.reason, attempt.message, attempt.finished_at or now, told_at=now)


def _wait_after(attempt: Attempt, failures: int, limits: Limits) -> timedelta:
    if attempt.retry_after_seconds is not None:
        return timedelta(seconds=attempt.retry_after_seconds)
    return delay(limits.backoff, failures, attempt.job)


def _interrupted(status: TaskStatus, attempt: Attempt, now: datetime) -> TaskStatus:
    count = status.interruptions + 1
    status = status.model_copy(update={"attempts": _bounded([*_ended(status), attempt]), "interruptions": count})
    if count <= MAX_INTERRUPTIONS:
        return _retrying(status, attempt, now + delay(INTERRUPTION_BACKOFF, count, attempt.job))
    message = f"Interrupted {count} times. The last time: {attempt.message}"
    return finished(status, Phase.FAILED, Reason.TOO_MANY_INTERRUPTIONS, sentence(message), now)


def _retrying(status: TaskStatus, attempt: Attempt, at: datetime) -> TaskStatus:
    return status.model_copy(
        update={
            "phase": Phase.RETRYING,
            "reason": attempt.reason,
            "message": attempt.message,
            "next_attempt_at": at,
        }
    )


def finished(
    status: TaskStatus,
    phase: Phase,
    reason: str | None,
    message: str | None,
    at: datetime,
    *,
    told_at: datetime | None = None,
) -> TaskStatus:
    """The end: Failed or Cancelled. `told_at`: when that was learnt, where it is later."""
    condition = Condition(
        type="Failed",
        status="True",
        reason=reason or phase.value,
        message=message or "",
        last_transition_time=told_at or at,
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


def told_at(status: TaskStatus, limits: Limits) -> datetime:
    """When the end of the last attempt was recorded. A runner that nobody listened to exits only then."""
    if status.next_attempt_at is None:
        return max((condition.last_transition_time for condition in status.conditions), default=LONG_AGO)
    last = status.attempts[-1]
    if last.reason in INTERRUPTIONS:
        return status.next_attempt_at - delay(INTERRUPTION_BACKOFF, status.interruptions, last.job)
    return status.next_attempt_at - _wait_after(last, len(status.attempts) - status.interruptions, limits)


def cancelled(task: str, status: TaskStatus, now: datetime, *, begun: bool, reason: str | None = None) -> TaskStatus:
    """Its pod, if it had one, is gone. `begun`: there is an attempt, which may not be in the status yet."""
    message = "Cancelled: the pod was stopped." if begun else "Cancelled before it started."
    if begun is False and status.attempts:
        message = "Cancelled while it waited for its next attempt."
    if reason:
        message = sentence(f"{message} Reason given: {reason}")
    if begun:
        ended = _current(task, status).model_copy(
            update={"finished_at": now, "reason": Reason.CANCEL_REQUESTED, "message": message}
        )
        status = status.model_copy(update={"attempts": [*_ended(status), ended]})
    return finished(status, Phase.CANCELLED, Reason.CANCEL_REQUESTED, message, now)


def summary(traceback: str) -> str:
    """The last line of a traceback that is not indented: what was raised, and its message."""
    lines = [line for line in traceback.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not line[0].isspace()), lines[-1] if lines else "")


def _current(task: str, status: TaskStatus) -> Attempt:
    attempt = open_attempt(status)
    if attempt is not None:
        return attempt
    name = job_name(task, number := current_number(status))
    return Attempt(number=number, job=name, pod=name)


def _ended(status: TaskStatus) -> list[Attempt]:
    return status.attempts[:-1] if open_attempt(status) is not None else status.attempts


def _bounded(attempts: list[Attempt]) -> list[Attempt]:
    """Shortens the texts of old attempts, the oldest first, while all of them together are too long. The last one's
    are kept in any case."""
    total = sum(_texts_bytes(attempt) for attempt in attempts)
    result = []
    for attempt in attempts[:-1]:
        if total > TEXTS_MAX_BYTES:
            short = _with_short_texts(attempt)
            total -= _texts_bytes(attempt) - _texts_bytes(short)
            attempt = short
        result.append(attempt)
    return [*result, *attempts[-1:]]


def _texts_bytes(attempt: Attempt) -> int:
    error = attempt.error
    texts = (attempt.message or "", *((error.type, error.traceback) if error else ()))
    return sum(len(text.encode()) for text in texts)


def _with_short_texts(attempt: Attempt) -> Attempt:
    def short(text: str, limit: int) -> str:
        return shorten(text, limit - len(CUT)) if len(text) > limit else text

    error = attempt.error and AttemptError(
        type=short(attempt.error.type, OLD_TYPE_MAX_CHARS),
        traceback=short(attempt.error.traceback, OLD_TRACEBACK_MAX_CHARS),
    )
    message = attempt.message and short(attempt.message, OLD_MESSAGE_MAX_CHARS)
    return attempt.model_copy(update={"error": error, "message": message})
