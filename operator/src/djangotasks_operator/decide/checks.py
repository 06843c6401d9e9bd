"""The checks that decide what to do next for one task, in order: the first one that returns an action decides. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta

from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import (
    Action,
    AwaitAdmission,
    DeletePod,
    DeleteTask,
    SettleReturned,
    Start,
    Wait,
    WriteStatus,
)
from djangotasks_operator.decide.attempt_checks import attempt_in_progress, ended_attempt_unsettled, while_deleting
from djangotasks_operator.decide.restored import restored_from_backup
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.decide.start_deadline import expired_message, expires_at
from djangotasks_operator.pods.diagnosis import reported_outcome
from djangotasks_operator.scheduling.validation import refusal
from djangotasks_operator.status import endings, transitions
from djangotasks_operator.status.clocks import corrected
from djangotasks_operator.status.outcomes import unreported_message
from djangotasks_operator.status.text import truncate_message

# When to see again whether a task that is held may go. Its schedule's status is written within seconds.
HELD = timedelta(seconds=10)
# A schedule's task stays so long at least. A replica that led until now creates nothing a second time while the task is
# there, and has read by then that it was created.
SCHEDULED_MIN_TTL = timedelta(seconds=60)


def decide(snapshot: Snapshot, now: datetime) -> Action:
    """Return the next action for the task. Where no check objects, it starts when it is admitted."""
    for check in CHECKS:
        if (action := check(snapshot, now)) is not None:
            return action
    return Start(snapshot.number) if snapshot.admitted else AwaitAdmission(expires_at(snapshot.task))


def being_deleted(snapshot: Snapshot, now: datetime) -> Action | None:
    """Stop the pods of a task that is being deleted. The garbage collector removes them with the task, but a finalizer
    may keep the task for as long as it likes."""
    if snapshot.task.metadata.deletion_timestamp is None:
        return None
    running = (pod for pod in snapshot.pods.values() if not (pod.all_ended or pod.deleting))
    pod = next(running, None)
    return Wait() if pod is None else DeletePod(pod)


def ttl_elapsed(snapshot: Snapshot, now: datetime) -> Action | None:
    """Delete a finished task after its TTL, or at once where its queue has too many. Nothing else deletes tasks: what
    still needs one must be checked here."""
    status = snapshot.task.status
    if not status.phase.is_terminal:
        return None
    if status.finished_at is None:
        return Wait()
    if snapshot.workflow is not None:
        # A workflow's tasks go with it: others of it, or a retry, may need their results.
        return DeleteTask(status.finished_at) if snapshot.needless else Wait()
    if snapshot.held:
        return Wait(now + HELD)
    # Since it can be read, and by the operator's clock: a pod whose report was not accepted for long ended before that.
    recorded_at = max((condition.last_transition_time for condition in status.conditions), default=status.finished_at)
    ttl = timedelta() if snapshot.surplus else snapshot.limits.ttl
    if snapshot.task.spec.schedule is not None:
        ttl = max(ttl, SCHEDULED_MIN_TTL)
    return DeleteTask(recorded_at + ttl)


def spec_invalid(snapshot: Snapshot, now: datetime) -> Action | None:
    """Fail a task whose spec cannot be read."""
    if snapshot.invalid is None:
        return None
    message = truncate_message(f"The task cannot be read: {snapshot.invalid}")
    return WriteStatus(endings.finished(snapshot.task.status, Phase.FAILED, Reason.INVALID_SPEC, message, now))


def workflow_returned(snapshot: Snapshot, now: datetime) -> Action | None:
    """Wait for the workflow that the task has returned: its end is the task's."""
    if snapshot.task.status.returned_workflow is None:
        return None
    workflow = snapshot.returned
    if workflow is None or workflow.phase.is_terminal or (snapshot.cancelled(now) and not workflow.cancel):
        return SettleReturned()
    return Wait()


def cancel_requested(snapshot: Snapshot, now: datetime) -> Action | None:
    """Delete the pod of a task that is to be cancelled, see it gone, and only then call the task cancelled."""
    if not snapshot.cancelled(now):
        return None
    pod = snapshot.pods.get(snapshot.number)
    task = snapshot.task
    if pod is not None and not pod.ended:
        return DeletePod(pod) if pod.deletes_by is None else while_deleting(task, pod.deletes_by, now)
    if pod is not None and (outcome := reported_outcome(pod, snapshot.report_keys)) is not None:
        fixed = corrected(outcome, pod.created_at, now)
        unreported = unreported_message(outcome)
        return WriteStatus(
            endings.with_outcome(task.metadata.name, task.status, fixed, snapshot.limits, now, unreported=unreported)
        )
    # An attempt that was not recorded yet is recorded now: its Job is finished by what the status says of it.
    begun, reason = snapshot.in_progress, task.spec.cancel_reason or snapshot.stopped_by(now)
    return WriteStatus(endings.cancelled(task.metadata.name, task.status, now, begun=begun, reason=reason))


def start_deadline_passed(snapshot: Snapshot, now: datetime) -> Action | None:
    """Fail a task that has not started by its expiresAt."""
    deadline = expires_at(snapshot.task)
    if deadline is None or now < deadline:
        return None
    message = expired_message(deadline)
    return WriteStatus(endings.finished(snapshot.task.status, Phase.FAILED, Reason.EXPIRED, message, now))


def not_allowed(snapshot: Snapshot, now: datetime) -> Action | None:
    """Fail a task that asks for more than its queue allows."""
    if snapshot.queue is None or (message := refusal(snapshot.task, snapshot.queue)) is None:
        return None
    message = truncate_message(message)
    return WriteStatus(endings.finished(snapshot.task.status, Phase.FAILED, Reason.NOT_ALLOWED, message, now))


def too_early(snapshot: Snapshot, now: datetime) -> Action | None:
    """Wait until runAfter, and until the backoff is over."""
    times = (snapshot.task.spec.run_after, snapshot.task.status.next_attempt_at)
    earliest = max((time for time in times if time is not None), default=now)
    if earliest <= now:
        return None
    return Wait(min(earliest, expires_at(snapshot.task) or earliest))


def queue_missing(snapshot: Snapshot, now: datetime) -> Action | None:
    """Say that the queue does not exist, and wait for it."""
    if snapshot.queue is not None:
        return None
    task = snapshot.task
    name, namespace = task.spec.queue, task.metadata.namespace
    message = (
        f"There is no DjangoTaskQueue {name!r} in the namespace {namespace!r}. The task starts when it is created."
    )
    if snapshot.queues_full:
        message = (
            f"The namespace {namespace!r} has as many DjangoTaskQueues as the operator keeps, and {name!r} is none of "
            "the oldest, or does not exist. Delete queues that nobody needs."
        )
    if task.status.reason is Reason.QUEUE_NOT_FOUND:
        return Wait(expires_at(task))
    return WriteStatus(transitions.waiting(task.status, Reason.QUEUE_NOT_FOUND, message))


CHECKS: tuple[Callable[[Snapshot, datetime], Action | None], ...] = (
    being_deleted,
    ended_attempt_unsettled,
    ttl_elapsed,
    spec_invalid,
    workflow_returned,
    cancel_requested,
    attempt_in_progress,
    restored_from_backup,
    start_deadline_passed,
    not_allowed,
    too_early,
    queue_missing,
)
