"""Checks of an attempt whose pod does not run yet. Pure."""

from datetime import datetime, timedelta

from djangotasks_api.models import DjangoTask
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.decide.actions import Action, Wait, WriteStatus, WriteStatusLater
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.decide.start_deadline import expired_message, expires_at
from djangotasks_operator.pods.diagnosis import StartProblem, start_problem
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.status import transitions
from djangotasks_operator.status.text import plain, truncate_message

# A start is shown as Starting only when the runner's report of it is overdue: most tasks are faster, and need no such
# write.
SLOW_START = timedelta(seconds=10)
# What the Events of a pod say, and no field of it.
FROM_EVENTS = frozenset({Reason.VOLUME_NOT_READY, Reason.POD_SANDBOX_FAILED})
# Where the kubelet says so of a container that waits. Not of one that fails and is started again: between two tries it
# does not wait.
FROM_KUBELET = frozenset({Reason.IMAGE_PULL_FAILED, Reason.CONTAINER_CONFIG_ERROR})


def before_start(snapshot: Snapshot, pod: Pod, now: datetime) -> Action:
    task = snapshot.task
    expiry = expires_at(task)
    if expiry is not None and now >= expiry:
        return stop_attempt(task, Reason.EXPIRED, expired_message(expiry))
    problem = start_problem(pod) or (None if snapshot.pod_events is None else snapshot.pod_events.problem)
    timeout = pod.created_at + snapshot.limits.start_timeout
    if problem is not None and problem.permanent:
        return stop_attempt(task, problem.reason, problem.message)
    if now >= timeout:
        seconds = int(snapshot.limits.start_timeout.total_seconds())
        late = f"The pod did not start within {seconds} s."
        if problem is None and pod.scheduled_at is not None and pod.acknowledged_at is None and not pod.reason:
            return stop_attempt(task, Reason.NODE_LOST, f"{late} Its node has not taken it: see the node.")
        if problem is None:
            return stop_attempt(task, Reason.START_TIMEOUT, f"{late}{_last_known(snapshot, pod)}")
        return stop_attempt(task, problem.reason, f"{late} {problem.message}")
    if problem is not None and _is_new(task, problem):
        return WriteStatus(transitions.starting(task.metadata.name, task.status, problem.reason, problem.message))
    slow, end = pod.created_at + SLOW_START, min(timeout, expiry or timeout)
    waits = WriteStatusLater(transitions.starting(task.metadata.name, task.status, None, pod.initializing), end)
    if problem is None and _is_outdated(snapshot, pod):
        return waits
    if task.status.phase is Phase.STARTING or problem is not None:
        return Wait(end)
    if now >= slow:
        return waits
    return Wait(min(slow, end))


def _is_new(task: DjangoTask, problem: StartProblem) -> bool:
    """Whether the status does not say so. The kubelet words the same problem in several ways, one after the other: the
    first is kept. But there may be another one when the first is solved: of the next image, ConfigMap or volume."""
    status = task.status
    if status.reason is not problem.reason:
        return True
    if status.message == truncate_message(problem.message):
        return False
    return problem.reason in FROM_EVENTS or plain(problem.about) not in (status.message or "")


def _is_outdated(snapshot: Snapshot, pod: Pod) -> bool:
    """Whether the status still has a problem that the pod no longer has, or names what the pod no longer waits for."""
    status = snapshot.task.status
    match status.reason:
        case None:
            return status.phase is Phase.STARTING and status.message != pod.initializing
        case Reason.UNSCHEDULABLE:
            return pod.scheduled_at is not None
        case reason if reason in FROM_KUBELET:
            return pod.waiting is None
        case reason:
            # Where there are none, they could not be read, or are too old.
            known = snapshot.pod_events is not None and snapshot.pod_events.latest is not None
            return reason in FROM_EVENTS and known


def _last_known(snapshot: Snapshot, pod: Pod) -> str:
    """What is known of a pod that nothing is said to be wrong with."""
    init = f" {pod.initializing}" if pod.initializing else ""
    if snapshot.pod_events is not None and snapshot.pod_events.latest:
        return f"{init} Its last Event: {snapshot.pod_events.latest}"
    if init:
        return init
    if pod.waiting is not None:
        return f" A container waits: {pod.waiting.reason}: {pod.waiting.message}".rstrip(": ")
    if pod.reason:
        return f" Its status: {pod.reason}: {pod.message}".rstrip(": ")
    return ""


def stop_attempt(task: DjangoTask, reason: Reason, message: str) -> Action:
    return WriteStatus(transitions.attempt_stopping(task.metadata.name, task.status, reason, message))
