"""Set the times right that a node reports of a pod. Pure."""

from datetime import datetime, timedelta

from djangotasks_operator.pods.views import Pod
from djangotasks_operator.scheduling.timing import believed


def clock_behind(pod: Pod | None) -> timedelta:
    """By how much the clock of the pod's node is behind, at least. The kubelet notes when it took the pod, which it
    does as soon as the pod is scheduled: an earlier time is wrong by the difference."""
    if pod is None or pod.scheduled_at is None or pod.acknowledged_at is None:
        return timedelta()
    return max(pod.scheduled_at - pod.acknowledged_at, timedelta())


def running_since(pod: Pod) -> datetime | None:
    """When the container that runs the task started, by its node's clock set right."""
    if pod.running_since is None:
        return None
    # A standby pod has run for long when an attempt claims it, whatever its node takes for the time.
    return pod.created_at if pod.standby else pod.running_since + clock_behind(pod)


def ended_at(pod: Pod, now: datetime) -> datetime | None:
    """When that container ended."""
    if pod.terminated is None or pod.terminated.finished_at is None:
        return None
    return believed(pod.terminated.finished_at, pod.created_at, now)
