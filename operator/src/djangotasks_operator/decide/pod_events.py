"""Decide when to read the Events of a pod that does not start. Pure."""

from datetime import datetime, timedelta

from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.pods.diagnosis import start_problem

# Most pods start sooner, and their Events are of no interest.
EVENTS_AFTER = timedelta(seconds=10)
EVENTS_INTERVAL = timedelta(seconds=60)


def events_due(snapshot: Snapshot, now: datetime) -> datetime | None:
    """When the Events of the current attempt's pod are to be read, which may have passed. None where there is no need:
    the pod has started, or its own status says what keeps it from that."""
    pod = snapshot.pods.get(snapshot.number)
    if pod is None or pod.deleting or pod.ended or pod.running_since is not None or not snapshot.in_progress:
        return None
    if start_problem(pod) is not None:
        return None
    known = snapshot.pod_events
    if known is None:
        return pod.created_at + min(EVENTS_AFTER, snapshot.limits.start_timeout / 2)
    return known.read_at + EVENTS_INTERVAL
