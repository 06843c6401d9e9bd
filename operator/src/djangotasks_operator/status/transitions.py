"""How a task's status changes while it waits, starts and runs: one function a transition, old status to new. Pure.

How attempts end is in `endings`. `task` is the task's name in all of them.
"""

from datetime import datetime

from djangotasks_api.models import Progress, TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.reports import ProgressReport
from djangotasks_operator.status import progress
from djangotasks_operator.status.attempts import current_attempt, ended_attempts
from djangotasks_operator.status.text import truncate_message


def waiting(status: TaskStatus, reason: Reason | None, message: str | None) -> TaskStatus:
    """The task cannot start yet, for this reason."""
    phase = Phase.RETRYING if status.attempts else Phase.QUEUED
    return status.model_copy(
        update={"phase": phase, "reason": reason, "message": truncate_message(message) if message else None}
    )


def starting(task: str, status: TaskStatus, reason: Reason | None, message: str | None) -> TaskStatus:
    """The attempt's pod exists and does not run yet. `reason`: what keeps it from starting, if anything does."""
    attempt = current_attempt(task, status)
    return status.model_copy(
        update={
            "phase": Phase.STARTING,
            "reason": reason,
            "message": truncate_message(message) if message else None,
            "attempts": [*ended_attempts(status), attempt],
            "next_attempt_at": None,
            "progress": progress.of_attempt(status, attempt.number),
        }
    )


def running(task: str, status: TaskStatus, started_at: datetime, *, alive_at: datetime | None = None) -> TaskStatus:
    """The task's function was called. `alive_at`: when that was learnt, where the attempt has a heartbeat timeout: its
    start counts as the first heartbeat, and the pod's clock may be wrong."""
    attempt = current_attempt(task, status).model_copy(update={"started_at": started_at})
    return status.model_copy(
        update={
            "phase": Phase.RUNNING,
            "reason": None,
            "message": None,
            "attempts": [*ended_attempts(status), attempt],
            "started_at": status.started_at or started_at,
            "next_attempt_at": None,
            "progress": (
                progress.of_attempt(status, attempt.number)
                if alive_at is None
                else Progress(attempt=attempt.number, updated_at=alive_at)
            ),
        }
    )


def without_report(status: TaskStatus, url: str) -> TaskStatus:
    """No report of the running attempt has come. `url`: where it would have come to."""
    message = (
        f"The pod runs, and no report of it has come to {url}. It still sets Django up, or it cannot reach the "
        "operator: see NetworkPolicies, the service mesh, and --report-url. The task goes on, and its outcome is read "
        "from the pod when it has ended."
    )
    return status.model_copy(update={"reason": Reason.NO_REPORT, "message": truncate_message(message)})


def with_report(status: TaskStatus) -> TaskStatus:
    """A report of the running attempt has come."""
    if status.reason is not Reason.NO_REPORT:
        return status
    return status.model_copy(update={"reason": None, "message": None})


def with_progress(
    task: str, status: TaskStatus, report: ProgressReport, now: datetime, *, started_at: datetime | None = None
) -> TaskStatus:
    """The attempt reported its progress: so it runs, whether that was known or not. `started_at`: since when, where the
    report's own time is not believed."""
    attempt = current_attempt(task, status)
    if attempt.started_at is None:
        status = running(task, status, started_at or datetime.fromisoformat(report.started_at))
    own = progress.from_report(report, attempt.number, now)
    return with_report(status).model_copy(update={"progress": own})


def attempt_stopping(task: str, status: TaskStatus, reason: Reason, message: str) -> TaskStatus:
    """The attempt has failed, and its pod is to be deleted. Recorded first: after a restart of the operator, the pod's
    end would look like an interruption."""
    attempt = current_attempt(task, status).model_copy(update={"reason": reason, "message": truncate_message(message)})
    return status.model_copy(
        update={"reason": reason, "message": truncate_message(message), "attempts": [*ended_attempts(status), attempt]}
    )


def pod_deletion_stuck(status: TaskStatus, reason: Reason, message: str) -> TaskStatus:
    """The pod's node does not confirm that it has stopped. A person may have to help."""
    return status.model_copy(update={"reason": reason, "message": truncate_message(message)})
