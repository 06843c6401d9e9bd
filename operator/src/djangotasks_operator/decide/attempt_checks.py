"""Checks of attempts: the one that is in progress, and those that have ended and left a Pod or a Job. Pure."""

from datetime import datetime, timedelta

from djangotasks_api.models import Attempt, DjangoTask, TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import (
    Action,
    DeletePod,
    FinishJob,
    Start,
    Wait,
    WriteStatus,
    WriteStatusLater,
)
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.decide.start_checks import SLOW_START, before_start, stop_attempt
from djangotasks_operator.pods.diagnosis import end_cause, reported_outcome
from djangotasks_operator.pods.times import ended_at, running_since
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.scheduling.timing import believed
from djangotasks_operator.status import endings, progress, transitions
from djangotasks_operator.status.attempts import open_attempt
from djangotasks_operator.status.clocks import corrected
from djangotasks_operator.status.outcomes import unreported_message

# How long a container may run without a report before its task says so, and counts as called. Most projects are set up
# within a few seconds.
UNREPORTED = timedelta(seconds=20)
# How long sidecars may go on when the task's container has ended.
SIDECAR_GRACE = timedelta(seconds=5)
# How long after its grace period a deleted pod may still be there: the node then does not answer.
DELETION_OVERDUE = timedelta(seconds=20)
# How long a pod may go on after its outcome, before it is deleted: all that is left to do is to exit.
ENDING_GRACE = timedelta(seconds=30)
# The same where its only container has ended: the kubelet just has to say so, which takes it seconds on a busy node,
# and deleting the pod meanwhile would delete its log.
EXITED_GRACE = timedelta(seconds=300)
# How long a pod that is deleted after its outcome may take to end, whatever its own grace period: that may be a day,
# and its task holds no place of the queue any more, or waits for its next attempt.
ENDED_DELETION = timedelta(seconds=30)
DELETION_STUCK = (
    "The pod was deleted, and its node does not confirm that it has stopped: it may still run. The task goes on when "
    "the pod is gone. If the node is down for good, delete the Node, or taint it node.kubernetes.io/out-of-service."
)
LOST_BEFORE_START = "The node was lost before the task's container had started."


def ended_attempt_unsettled(snapshot: Snapshot, now: datetime) -> Action | None:
    """See the Pods of ended attempts end, whatever became of their Jobs, and finish their Jobs."""
    for attempt in snapshot.task.status.attempts:
        if attempt.finished_at is None:
            continue
        pod, job = snapshot.pods.get(attempt.number), snapshot.jobs.get(attempt.number)
        if pod is not None and not pod.all_ended:
            # The sidecars of a task that is over have their own grace period. But the next attempt waits for them.
            ended = snapshot.task.status.phase.is_terminal
            deletes_by, bounded = pod.deletes_by, pod.terminated is None or not ended
            # Of a pod that was being stopped when its outcome came, a long grace period is shortened.
            if deletes_by is not None and not (bounded and deletes_by - now > 2 * ENDED_DELETION):
                return Wait() if ended else while_deleting(snapshot.task, deletes_by, now)
            until = grace_end(attempt, attempt.finished_at, pod)
            return Wait(until) if now < until else DeletePod(pod, _shortened(pod) if bounded else None)
        if job is not None and not (job.finished or job.deleting):
            return FinishJob(job, attempt)
    return _attempt_without_record(snapshot) if snapshot.task.status.phase.is_terminal else None


def _shortened(pod: Pod) -> timedelta | None:
    """In place of the pod's own grace period. None where that is short enough."""
    own = pod.grace_seconds
    return None if own is not None and own <= ENDED_DELETION.total_seconds() else ENDED_DELETION


def _attempt_without_record(snapshot: Snapshot) -> Action | None:
    """End what was made for an attempt that never began, such as a Job whose Pod was refused until the task expired."""
    status = snapshot.task.status
    recorded = {attempt.number for attempt in status.attempts}
    for number, pod in snapshot.pods.items():
        if number not in recorded and not (pod.all_ended or pod.deleting):
            return DeletePod(pod)
    for number, job in snapshot.jobs.items():
        if number not in recorded and not (job.finished or job.deleting):
            reason = status.reason or status.phase
            return FinishJob(
                job, Attempt(number=number, job=job.name, pod=job.name, reason=reason, message=status.message)
            )
    return None


def grace_end(attempt: Attempt, finished_at: datetime, pod: Pod) -> datetime:
    """When the pod of an ended attempt is deleted, if it has not ended by itself."""
    ended = pod.terminated
    # By the operator's clock: a runner whose report was not accepted for long exits only then.
    recorded_at = attempt.recorded_at or finished_at
    if ended is not None and ended.finished_at is not None and pod.sidecars:
        return min(ended.finished_at, recorded_at + EXITED_GRACE) + SIDECAR_GRACE
    return recorded_at + (ENDING_GRACE if ended is None else EXITED_GRACE)


def attempt_in_progress(snapshot: Snapshot, now: datetime) -> Action | None:
    """Take the attempt that has begun to its end."""
    if not snapshot.in_progress:
        return None
    pod = snapshot.pods.get(snapshot.number)
    if pod is None:
        return _without_pod(snapshot, now)
    if pod.ended:
        return _after_end(snapshot, pod, now)
    if pod.deletes_by is not None:
        return while_deleting(snapshot.task, pod.deletes_by, now)
    attempt = open_attempt(snapshot.task.status)
    if attempt is not None and attempt.reason is not None:
        return DeletePod(pod)
    # The runner's report of the start may come before the kubelet's.
    since = (None if attempt is None else attempt.started_at) or running_since(pod)
    if since is None:
        return before_start(snapshot, pod, now)
    return _while_running(snapshot, pod, since, attempt, now)


def while_deleting(task: DjangoTask, deletes_by: datetime, now: datetime) -> Action:
    """Wait until the pod is gone before its attempt is called ended: on a node that does not answer, it may run on."""
    overdue = deletes_by + DELETION_OVERDUE
    if now < overdue:
        return Wait(overdue)
    status = transitions.pod_deletion_stuck(task.status, Reason.NODE_LOST, DELETION_STUCK)
    return Wait() if status == task.status else WriteStatus(status)


def _without_pod(snapshot: Snapshot, now: datetime) -> Action:
    """The attempt has begun, and there is no Pod: it was not created yet, or it is gone."""
    task, number = snapshot.task, snapshot.number
    attempt = open_attempt(task.status)
    if (recorded := _stopped_for(task.status, attempt)) is not None:
        reason, message = recorded
    elif number not in snapshot.lost:
        return Start(number)
    elif task.status.reason is Reason.NODE_LOST:
        reason, message = Reason.NODE_LOST, "The node was lost, and nothing is known of how the task ended."
    elif number in snapshot.jobs:
        reason, message = Reason.POD_DELETED, "The pod is gone, and nothing is known of how the task ended."
    else:
        reason, message = Reason.JOB_DELETED, "The Job is gone, and nothing is known of how the task ended."
    return WriteStatus(
        endings.attempt_ended_without_outcome(task.metadata.name, task.status, reason, message, snapshot.limits, now)
    )


def _after_end(snapshot: Snapshot, pod: Pod, now: datetime) -> Action:
    """The pod has ended, and the status does not say how."""
    task, limits = snapshot.task, snapshot.limits
    if (outcome := reported_outcome(pod, snapshot.report_keys)) is not None:
        fixed = corrected(outcome, pod.created_at, now)
        unreported = unreported_message(outcome)
        return WriteStatus(
            endings.with_outcome(task.metadata.name, task.status, fixed, limits, now, unreported=unreported)
        )
    cause = end_cause(pod)
    reason, message = _stopped_for(task.status, open_attempt(task.status)) or (cause.reason, cause.message)
    return WriteStatus(
        endings.attempt_ended_without_outcome(
            task.metadata.name,
            task.status,
            reason,
            message,
            limits,
            now,
            exit_code=cause.exit_code,
            memory_limit_bytes=cause.memory_limit_bytes,
            finished_at=ended_at(pod, now),
        )
    )


def _stopped_for(status: TaskStatus, attempt: Attempt | None) -> tuple[str, str] | None:
    """Why the operator has stopped the attempt, where it has. A pod that did not start in time on a node that then does
    not answer was interrupted: the node is to blame, and not the task."""
    if attempt is None or attempt.reason is None:
        return None
    if attempt.reason == Reason.START_TIMEOUT and status.reason is Reason.NODE_LOST:
        return Reason.NODE_LOST, LOST_BEFORE_START
    return attempt.reason, attempt.message or ""


def _while_running(snapshot: Snapshot, pod: Pod, since: datetime, attempt: Attempt | None, now: datetime) -> Action:
    task, timeout = snapshot.task, snapshot.limits.timeout
    if attempt is None or attempt.started_at is None:
        return _before_report(snapshot, pod, since, now)
    deadline = None if timeout is None else attempt.started_at + timeout
    if timeout is not None and deadline is not None and now >= deadline:
        return _stop_overdue(task.metadata.name, task.status, timeout)
    last = progress.last_heartbeat(task.status, attempt.number, attempt.started_at)
    due = progress.heartbeat_due(last, pod.heartbeat_timeout, snapshot.reports_accepted_since)
    if pod.heartbeat_timeout is not None and due is not None and now >= due:
        message = progress.missed_heartbeat_message(last, pod.heartbeat_timeout)
        if task.status.reason is Reason.NO_REPORT:
            message = f"No report of the attempt has come within its heartbeat timeout. {task.status.message}"
        return stop_attempt(task, Reason.HEARTBEAT_TIMEOUT, message)
    return Wait(min((time for time in (deadline, due) if time is not None), default=None))


def _before_report(snapshot: Snapshot, pod: Pod, claimed: datetime, now: datetime) -> Action:
    """The container runs, and no report has said that the task was called. `claimed`: since when, by the kubelet."""
    task, name, timeout = snapshot.task, snapshot.task.metadata.name, snapshot.limits.timeout
    since = believed(claimed, pod.created_at, now)
    late = None if timeout is None else since + timeout
    if claimed != since:
        # A time that is not believed is replaced by now. The first such now counts, so it is written.
        alive_at = None if pod.heartbeat_timeout is None else now
        return WriteStatus(transitions.running(name, task.status, since, alive_at=alive_at))
    # What was sent while reports were not accepted is sent again.
    unreported_at = max(since, snapshot.reports_accepted_since or since) + UNREPORTED
    until = min(unreported_at, late or unreported_at)
    if now < until:
        slow, shown = since + SLOW_START, task.status.phase is Phase.STARTING and task.status.reason is None
        if now < slow or shown:
            return Wait(until if shown else min(slow, until))
        return WriteStatusLater(transitions.starting(name, task.status, None, None), until)
    alive_at = None if pod.heartbeat_timeout is None else now
    status = transitions.running(name, task.status, since, alive_at=alive_at)
    if timeout is not None and late is not None and now >= late:
        return _stop_overdue(name, status, timeout)
    if now >= unreported_at:
        status = transitions.without_report(status, snapshot.report_url)
    # Its heartbeats are counted from what is written.
    return WriteStatus(status) if alive_at is not None else WriteStatusLater(status, late)


def _stop_overdue(name: str, status: TaskStatus, timeout: timedelta) -> Action:
    message = f"The task ran for longer than its timeout of {int(timeout.total_seconds())} s."
    return WriteStatus(transitions.attempt_stopping(name, status, Reason.DEADLINE_EXCEEDED, message))
