"""The heart of the operator: what to do next for one task, given what is seen. Pure.

`decide` returns one decision. It is carried out, what changed is seen, and `decide` is asked again, until it
says to wait. Nothing is remembered between two calls but what the API server holds, so a restart is no event.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from djangotasks_api.models import Attempt, DjangoTask
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator import progress, transitions
from djangotasks_operator.allowed import refusal
from djangotasks_operator.decisions import (
    AwaitSlot,
    Decision,
    DeletePod,
    DeleteTask,
    FinishJob,
    Start,
    Tell,
    Wait,
    WriteStatus,
)
from djangotasks_operator.observed import Pod
from djangotasks_operator.pods import death, reported_outcome, start_problem
from djangotasks_operator.snapshot import Snapshot

# A start is shown as Starting, and a running container as Running, only when the runner's own report of it
# is overdue: most tasks are faster, and need no such write.
SLOW_START = timedelta(seconds=10)
# How long sidecars may live on when the task's container has ended: they have nothing to wait for.
SIDECAR_GRACE = timedelta(seconds=5)
# How long after its grace period a deleted pod may still be there: the node then does not answer.
DELETION_OVERDUE = timedelta(seconds=20)
# How long a pod may live on after its outcome, before it is stopped: what is left to it is to exit.
ENDING_GRACE = timedelta(seconds=30)
# The same where its only container has ended: the kubelet just has to say so, which takes it seconds on a busy node,
# and who deletes the pod meanwhile deletes its log.
EXITED_GRACE = timedelta(seconds=300)


def decide(snapshot: Snapshot, now: datetime) -> Decision:
    """The first check that has something to say decides."""
    for check in CHECKS:
        if (decision := check(snapshot, now)) is not None:
            return decision
    return AwaitSlot(_expires_at(snapshot.task)) if not snapshot.admitted else Start(snapshot.number)


def being_deleted(snapshot: Snapshot, now: datetime) -> Decision | None:
    """The garbage collector removes its Jobs and Pods."""
    return Wait() if snapshot.task.metadata.deletion_timestamp is not None else None


def ended_attempt_unsettled(snapshot: Snapshot, now: datetime) -> Decision | None:
    """An attempt that ended leaves a Pod that must end, whatever became of its Job, and a Job that must be told."""
    for attempt in snapshot.task.status.attempts:
        if attempt.finished_at is None:
            continue
        pod, job = snapshot.pods.get(attempt.number), snapshot.jobs.get(attempt.number)
        if pod is not None and not pod.all_ended:
            grace = ENDING_GRACE if pod.terminated is None else EXITED_GRACE
            grace_ends = max(attempt.finished_at, transitions.told_at(snapshot.task.status, snapshot.limits)) + grace
            if pod.sidecars and pod.terminated is not None and pod.terminated.finished_at is not None:
                grace_ends = pod.terminated.finished_at + SIDECAR_GRACE
            if pod.deletes_by is not None:
                ended = snapshot.task.status.phase.is_terminal
                return Wait() if ended else _while_deleting(snapshot.task, pod.deletes_by, now)
            return Wait(grace_ends) if now < grace_ends else DeletePod(pod)
        if job is not None and not (job.finished or job.deleting):
            return FinishJob(job, attempt)
    return None


def finished(snapshot: Snapshot, now: datetime) -> Decision | None:
    """A finished task is kept for a while, unless its queue has too many. Nothing else says that a task may go:
    what still needs it is to be asked about here."""
    status = snapshot.task.status
    if not status.phase.is_terminal:
        return None
    if status.finished_at is None:
        return Wait()
    return DeleteTask(status.finished_at if snapshot.surplus else status.finished_at + snapshot.limits.ttl)


def spec_invalid(snapshot: Snapshot, now: datetime) -> Decision | None:
    """Nothing can be run of it."""
    if snapshot.invalid is None:
        return None
    status = snapshot.task.status
    message = transitions.sentence(f"The spec cannot be read: {snapshot.invalid}")
    return WriteStatus(transitions.finished(status, Phase.FAILED, Reason.INVALID_SPEC, message, now))


def cancel_requested(snapshot: Snapshot, now: datetime) -> Decision | None:
    """Stop the pod, see it gone, and only then call the task cancelled."""
    if not snapshot.task.spec.cancel:
        return None
    pod = snapshot.pods.get(snapshot.number)
    task = snapshot.task
    if pod is not None and not pod.ended:
        return DeletePod(pod) if pod.deletes_by is None else _while_deleting(task, pod.deletes_by, now)
    if pod is not None and (outcome := reported_outcome(pod)) is not None:
        return WriteStatus(transitions.with_outcome(task.metadata.name, task.status, outcome, snapshot.limits, now))
    # An attempt that was not recorded yet is now: its Job is finished by what the status says of it.
    begun, reason = snapshot.in_progress, task.spec.cancel_reason
    return WriteStatus(transitions.cancelled(task.metadata.name, task.status, now, begun=begun, reason=reason))


def attempt_in_progress(snapshot: Snapshot, now: datetime) -> Decision | None:
    if not snapshot.in_progress:
        return None
    pod = snapshot.pods.get(snapshot.number)
    if pod is None:
        return _without_pod(snapshot, now)
    if pod.ended:
        return _after_end(snapshot, pod, now)
    if pod.deletes_by is not None:
        return _while_deleting(snapshot.task, pod.deletes_by, now)
    attempt = transitions.open_attempt(snapshot.task.status)
    if attempt is not None and attempt.reason is not None:
        return DeletePod(pod)
    # The runner's report of the start may come before the kubelet's.
    since = pod.running_since or (None if attempt is None else attempt.started_at)
    if since is None:
        return _before_start(snapshot, pod, now)
    return _while_running(snapshot, pod, since, attempt, now)


def expired(snapshot: Snapshot, now: datetime) -> Decision | None:
    """Nobody wants it any more."""
    expires_at = _expires_at(snapshot.task)
    if expires_at is None or now < expires_at:
        return None
    message = _expired(expires_at)
    return WriteStatus(transitions.finished(snapshot.task.status, Phase.FAILED, Reason.EXPIRED, message, now))


def not_allowed(snapshot: Snapshot, now: datetime) -> Decision | None:
    """Its queue will not run it, now or later."""
    if snapshot.queue is None or (message := refusal(snapshot.task, snapshot.queue)) is None:
        return None
    status = transitions.finished(
        snapshot.task.status, Phase.FAILED, Reason.NOT_ALLOWED, transitions.sentence(message), now
    )
    return WriteStatus(status)


def too_early(snapshot: Snapshot, now: datetime) -> Decision | None:
    """Not before runAfter, and not before the backoff is over."""
    times = (snapshot.task.spec.run_after, snapshot.task.status.next_attempt_at)
    earliest = max((time for time in times if time is not None), default=now)
    if earliest <= now:
        return None
    return Wait(min(earliest, _expires_at(snapshot.task) or earliest))


def queue_missing(snapshot: Snapshot, now: datetime) -> Decision | None:
    if snapshot.queue is not None:
        return None
    task = snapshot.task
    message = (
        f"There is no DjangoTaskQueue {task.spec.queue!r} in the namespace {task.metadata.namespace!r}. "
        "The task starts when it is created."
    )
    if task.status.reason is Reason.QUEUE_NOT_FOUND:
        return Wait(_expires_at(task))
    return WriteStatus(transitions.waiting(task.status, Reason.QUEUE_NOT_FOUND, message))


CHECKS: tuple[Callable[[Snapshot, datetime], Decision | None], ...] = (
    being_deleted,
    ended_attempt_unsettled,
    finished,
    spec_invalid,
    cancel_requested,
    attempt_in_progress,
    expired,
    not_allowed,
    too_early,
    queue_missing,
)


def _expires_at(task: DjangoTask) -> datetime | None:
    """A task that has run once no longer expires: its retries are the policy's business."""
    return None if task.status.started_at is not None else task.spec.expires_at


def _expired(expires_at: datetime) -> str:
    return f"The task had not started by {expires_at.isoformat(timespec='seconds')}, when it expired."


def _without_pod(snapshot: Snapshot, now: datetime) -> Decision:
    """The attempt has begun, and there is no Pod: it was not created yet, or it is gone."""
    task, number = snapshot.task, snapshot.number
    attempt = transitions.open_attempt(task.status)
    if attempt is not None and attempt.reason is not None:
        reason, message = attempt.reason, attempt.message or ""
    elif number not in snapshot.lost:
        return Start(number)
    elif task.status.reason is Reason.NODE_LOST:
        reason, message = Reason.NODE_LOST, "The node was lost, and nothing is known of how the task ended."
    elif number in snapshot.jobs:
        reason, message = Reason.POD_DELETED, "The pod is gone, and nothing is known of how the task ended."
    else:
        reason, message = Reason.JOB_DELETED, "The Job is gone, and nothing is known of how the task ended."
    return WriteStatus(transitions.died(task.metadata.name, task.status, reason, message, snapshot.limits, now))


def _while_deleting(task: DjangoTask, deletes_by: datetime, now: datetime) -> Decision:
    """Nobody may call the attempt ended before its pod is gone: on a node that does not answer, it may run on."""
    overdue = deletes_by + DELETION_OVERDUE
    if now < overdue:
        return Wait(overdue)
    if task.status.reason is Reason.NODE_LOST:
        return Wait()
    message = (
        "The pod was deleted, and its node does not confirm that it has stopped: it may still run. The task goes on "
        "when the pod is gone. If the node is down for good, delete the Node, or taint it "
        "node.kubernetes.io/out-of-service."
    )
    return WriteStatus(transitions.stuck(task.status, Reason.NODE_LOST, message))


def _after_end(snapshot: Snapshot, pod: Pod, now: datetime) -> Decision:
    """The pod ended, and the status does not say how."""
    task, limits = snapshot.task, snapshot.limits
    if (outcome := reported_outcome(pod)) is not None:
        return WriteStatus(transitions.with_outcome(task.metadata.name, task.status, outcome, limits, now))
    cause = death(pod)
    reason: str = cause.reason
    message = cause.message
    attempt = transitions.open_attempt(task.status)
    if attempt is not None and attempt.reason is not None:
        reason, message = attempt.reason, attempt.message or ""
    return WriteStatus(
        transitions.died(
            task.metadata.name,
            task.status,
            reason,
            message,
            limits,
            now,
            exit_code=cause.exit_code,
            finished_at=pod.terminated.finished_at if pod.terminated else None,
        )
    )


def _before_start(snapshot: Snapshot, pod: Pod, now: datetime) -> Decision:
    task = snapshot.task
    expires_at = _expires_at(task)
    if expires_at is not None and now >= expires_at:
        return _condemn(task, Reason.EXPIRED, _expired(expires_at))
    problem = start_problem(pod)
    timeout = pod.created_at + snapshot.limits.start_timeout
    if problem is not None and problem.hopeless:
        return _condemn(task, problem.reason, problem.message)
    if now >= timeout:
        seconds = int(snapshot.limits.start_timeout.total_seconds())
        late = f"The pod did not start within {seconds} s."
        if problem is None:
            return _condemn(task, Reason.START_TIMEOUT, late)
        return _condemn(task, problem.reason, f"{late} {problem.message}")
    if problem is not None and task.status.reason is not problem.reason:
        return WriteStatus(transitions.starting(task.metadata.name, task.status, problem.reason, problem.message))
    slow, end = pod.created_at + SLOW_START, min(timeout, expires_at or timeout)
    if task.status.phase is Phase.STARTING or problem is not None:
        return Wait(end)
    if now >= slow:
        return Tell(transitions.starting(task.metadata.name, task.status, None, None), end)
    return Wait(min(slow, end))


def _while_running(snapshot: Snapshot, pod: Pod, since: datetime, attempt: Attempt | None, now: datetime) -> Decision:
    task, timeout = snapshot.task, snapshot.limits.timeout
    if attempt is None or attempt.started_at is None:
        overdue, late = since + SLOW_START, None if timeout is None else since + timeout
        if now < overdue:
            return Wait(overdue)
        alive_at = None if pod.heartbeat_timeout is None else now
        status = transitions.running(task.metadata.name, task.status, since, alive_at=alive_at)
        # Its deadline, and the signs of life that it owes, are counted from what is written.
        urgent = alive_at is not None or (late is not None and now >= late)
        return WriteStatus(status) if urgent else Tell(status, late)
    deadline = None if timeout is None else attempt.started_at + timeout
    if timeout is not None and deadline is not None and now >= deadline:
        seconds = int(timeout.total_seconds())
        return _condemn(task, Reason.DEADLINE_EXCEEDED, f"The task ran for longer than its timeout of {seconds} s.")
    last = progress.last_sign_of_life(task.status, attempt.number, attempt.started_at)
    silent = progress.silent_at(last, pod.heartbeat_timeout, snapshot.listening_since)
    if pod.heartbeat_timeout is not None and silent is not None and now >= silent:
        return _condemn(task, Reason.HEARTBEAT_TIMEOUT, progress.silence(last, pod.heartbeat_timeout))
    return Wait(min((time for time in (deadline, silent) if time is not None), default=None))


def _condemn(task: DjangoTask, reason: Reason, message: str) -> Decision:
    return WriteStatus(transitions.condemned(task.metadata.name, task.status, reason, message))
