"""What a task says of how far it is, as its status shows it, and what its silence means. Pure."""

from datetime import datetime, timedelta

from djangotasks_api.models import Progress, TaskStatus
from djangotasks_api.outcome import ProgressReport

# What is larger is shown with three digits and an exponent: the column is narrow.
WHOLE_MAX = 10**15


def shown(report: ProgressReport, attempt: int, now: datetime) -> Progress:
    """`now`: by the operator's clock, since the pod's may be wrong."""
    return Progress(
        done=report.done,
        total=report.total,
        message=report.message,
        text=text(report.done, report.total),
        attempt=attempt,
        updated_at=now,
    )


def of_attempt(status: TaskStatus, attempt: int) -> Progress | None:
    """What this attempt has said, and not an earlier one."""
    known = status.progress
    return known if known is not None and known.attempt == attempt else None


def last_sign_of_life(status: TaskStatus, attempt: int, started_at: datetime) -> datetime:
    """Of a running attempt: what it said last, or else its start."""
    known = of_attempt(status, attempt)
    return started_at if known is None else known.updated_at


def silent_at(last: datetime, timeout: timedelta | None, listening_since: datetime | None) -> datetime | None:
    """When an attempt will have been silent for too long. `listening_since`: what it said before that was not heard."""
    return None if timeout is None else max(last, listening_since or last) + timeout


def silence(last: datetime, timeout: timedelta) -> str:
    """Why it was stopped, for who wrote the task."""
    return (
        f"The task gave no sign of life for its heartbeat timeout of {timeout.total_seconds():g} s; the last came at "
        f"{last.isoformat(timespec='seconds')}. It hangs, or calls progress() or heartbeat() of its context too seldom."
    )


def text(done: float | None, total: float | None) -> str:
    """The numbers for a column: 42/100; 42 where the total is not known; 42% where they are not whole, or of 1."""
    if done is None:
        return ""
    if total is None:
        return _number(done)
    if _is_whole(done) and _is_whole(total) and total != 1:
        return f"{_number(done)}/{_number(total)}"
    percent = 100 * (done / total) if total else 100.0
    if percent < WHOLE_MAX:
        # 100% is not shown before it is true.
        percent = min(round(percent), 99) if done < total else round(percent)
    return f"{_number(percent)}%"


def _is_whole(number: float) -> bool:
    return number == number // 1


def _number(number: float) -> str:
    if _is_whole(number) and number < WHOLE_MAX:
        return str(int(number))
    return f"{number:.3g}"
