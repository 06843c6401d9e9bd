"""Log retention: whose log is kept with its task, and when it is fetched and stored. Pure.

The stage after `decide`, which knows nothing of logs. It replaces an action by one about a log in two cases only: where
the action is to wait, and before a pod is deleted, or may be, whose log goes with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from djangotasks_api.models import Attempt
from djangotasks_operator.decide.actions import (
    Action,
    AwaitAdmission,
    DeletePod,
    DeleteTask,
    FetchLog,
    FinishJob,
    LogAction,
    StoreLogTail,
    Wait,
)
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.pods.views import Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTailState:
    """What the leader has of an attempt's log."""

    text: str | None = None
    """None while it has none."""
    reading: bool = False
    """A fetch is on its way."""
    blocks_deletion: bool = False
    """The pod is not deleted before the answer of the fetch."""
    final: bool = False
    """No more text will come: the container had ended when it was fetched, or no log can be had."""
    tries: int = 0
    """Fetches, or writes, that failed."""


def with_log_retention(
    action: Action, snapshot: Snapshot, tails: Mapping[int, LogTailState], now: datetime
) -> Action | LogAction:
    """The action, or what is to be done about a log before it. `tails`: by number of the attempt."""
    return log_action_before(action, snapshot, tails, now) or action


def log_action_before(
    action: Action, snapshot: Snapshot, tails: Mapping[int, LogTailState], now: datetime
) -> LogAction | Wait | None:
    if snapshot.task.metadata.deletion_timestamp is not None:
        return None
    match action:
        case DeletePod(pod):
            return _before_deletion(snapshot, tails.get(pod.attempt, LogTailState()), pod)
        case Wait() | AwaitAdmission():
            # Nothing more urgent: the outcome is stored, the Job is finished, the next attempt is on its way.
            return next(_after_end(snapshot, tails), None)
        case FinishJob(_, attempt) if _pods_expire(snapshot):
            # The pod's TTL begins with this write.
            if tails.get(attempt.number, LogTailState()).reading:
                return Wait()
            return next(_after_end(snapshot, tails), None)
        case DeleteTask(at) if now < at:
            return next(_after_end(snapshot, tails), None)
        case _:
            return None


def is_settled(snapshot: Snapshot, number: int) -> bool:
    """Whether nothing is to be done any more about this attempt's log."""
    tail, status = snapshot.task.status.log_tail, snapshot.task.status
    if tail is not None and tail.attempt >= number:
        return True
    attempt = next((a for a in status.attempts if a.number == number and a.finished_at is not None), None)
    if attempt is None:
        return status.phase.is_terminal
    return not _is_kept(snapshot, attempt)


def _before_deletion(snapshot: Snapshot, tail: LogTailState, pod: Pod) -> FetchLog | Wait | None:
    """Fetch the log that is there. What is written while the pod is being stopped is fetched when the container has
    ended, if the pod is still there then."""
    if pod.running_since is None and pod.terminated is None:
        return None
    if _mode(snapshot) == "Never" or is_settled(snapshot, pod.attempt):
        return None
    if tail.reading:
        return Wait() if tail.blocks_deletion else None
    return FetchLog(pod, before_deletion=True) if tail.text is None and not tail.final else None


def _after_end(snapshot: Snapshot, tails: Mapping[int, LogTailState]) -> Iterator[LogAction]:
    """Fetch and store the log of the latest attempt that ended, whose log is kept, and has one."""
    for attempt in reversed(snapshot.task.status.attempts):
        if attempt.finished_at is None:
            continue
        if is_settled(snapshot, attempt.number):
            # An earlier attempt's log is kept as well, where this one's is not.
            if _is_kept(snapshot, attempt):
                return
            continue
        tail, pod = tails.get(attempt.number, LogTailState()), snapshot.pods.get(attempt.number)
        if tail.reading or (pod is not None and not pod.ended):
            return
        if pod is not None and pod.terminated is not None and not tail.final:
            yield FetchLog(pod)
        elif tail.text is not None:
            yield StoreLogTail(attempt.number, tail.text)


def _pods_expire(snapshot: Snapshot) -> bool:
    """Whether Kubernetes deletes the Jobs of the task's queue, and with them the Pods."""
    queue = snapshot.policy_queue
    return queue is not None and queue.spec.pod_ttl_seconds_after_finished is not None


def _mode(snapshot: Snapshot) -> str:
    """The queue's keepLog. A queue of which nothing is known any more may have said Never."""
    return "Never" if snapshot.policy_queue is None else snapshot.policy_queue.spec.keep_log


def _is_kept(snapshot: Snapshot, attempt: Attempt) -> bool:
    mode = _mode(snapshot)
    return mode == "Always" or (mode == "OnFailure" and attempt.reason is not None)
