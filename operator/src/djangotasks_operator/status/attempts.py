"""Find attempts in a status. Pure."""

from djangotasks_api.models import Attempt, TaskStatus
from djangotasks_api.names import job_name


def open_attempt(status: TaskStatus) -> Attempt | None:
    """The attempt that is recorded and has not ended."""
    last = status.attempts[-1] if status.attempts else None
    return last if last is not None and last.finished_at is None else None


def ended_attempts(status: TaskStatus) -> list[Attempt]:
    return status.attempts[:-1] if open_attempt(status) is not None else status.attempts


def current_number(status: TaskStatus) -> int:
    """The number of the open attempt, or of the next one."""
    attempt = open_attempt(status)
    if attempt is not None:
        return attempt.number
    return status.attempts[-1].number + 1 if status.attempts else 1


def current_attempt(task: str, status: TaskStatus) -> Attempt:
    """The open attempt, or the next one, as it is first recorded. `task`: the task's name."""
    attempt = open_attempt(status)
    if attempt is not None:
        return attempt
    name = job_name(task, number := current_number(status))
    return Attempt(number=number, job=name, pod=name)


def just_ended(old: TaskStatus, new: TaskStatus) -> Attempt | None:
    """The attempt that ended between the two."""
    number = len(new.attempts)
    if not number or new.attempts[-1].finished_at is None:
        return None
    known = len(old.attempts) == number and old.attempts[-1].finished_at is not None
    return None if known else new.attempts[-1]


def stops_attempt(status: TaskStatus) -> bool:
    """Whether the status says that the attempt that runs must not go on."""
    attempt = open_attempt(status)
    return status.phase.is_terminal or (attempt is not None and attempt.reason is not None)
