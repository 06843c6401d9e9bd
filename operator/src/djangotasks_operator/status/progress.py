"""Progress of an attempt as its status shows it, and missed heartbeats. Pure."""

from datetime import datetime, timedelta

from djangotasks_api.models import Progress, TaskStatus
from djangotasks_api.reports import ProgressReport
from djangotasks_operator.status.text import plain

# Larger numbers are shown with three digits and an exponent: the column is narrow.
WHOLE_MAX = 10**15


def from_report(report: ProgressReport, attempt: int, now: datetime) -> Progress:
    """The progress that an attempt reported. `now`: by the operator's clock, since the pod's may be wrong."""
    return Progress(
        done=report.done,
        total=report.total,
        message=None if report.message is None else plain(report.message),
        text=progress_text(report.done, report.total),
        attempt=attempt,
        updated_at=now,
    )


def of_attempt(status: TaskStatus, attempt: int) -> Progress | None:
    """The progress of this attempt; None where the status has an earlier one's."""
    known = status.progress
    return known if known is not None and known.attempt == attempt else None


def last_heartbeat(status: TaskStatus, attempt: int, started_at: datetime) -> datetime:
    """When the running attempt last reported; its start is the first heartbeat."""
    known = of_attempt(status, attempt)
    return started_at if known is None else known.updated_at


def heartbeat_due(last: datetime, timeout: timedelta | None, accepted_since: datetime | None) -> datetime | None:
    """When the next heartbeat is due. One from before `accepted_since` may have been sent and not stored: the timeout
    begins there at the earliest."""
    return None if timeout is None else max(last, accepted_since or last) + timeout


def missed_heartbeat_message(last: datetime, timeout: timedelta) -> str:
    """Say why the attempt was stopped, for the developer of the task."""
    return (
        f"The task sent no heartbeat for its heartbeat timeout of {timeout.total_seconds():g} s; the last came at "
        f"{last.isoformat(timespec='seconds')}. It hangs, or calls progress() or heartbeat() of its context too seldom."
    )


def progress_text(done: float | None, total: float | None) -> str:
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
