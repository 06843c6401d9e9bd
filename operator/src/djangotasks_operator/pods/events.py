"""What Events say of a Pod that does not start. Pure.

A volume that cannot be mounted, or a network that cannot be set up, is in no field of the Pod: the kubelet and the
attach-detach controller write Events, and retry. Anybody who may write Events may have written them: they are texts
for people, and decide nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from djangotasks_api.phases import Reason
from djangotasks_operator.pods.diagnosis import StartProblem
from djangotasks_operator.pods.views import Body

# Reasons of Warnings: k8s.io/kubernetes/pkg/kubelet/events, and pkg/controller/volume/events.
WARNINGS = {
    "FailedScheduling": Reason.UNSCHEDULABLE,
    "FailedAttachVolume": Reason.VOLUME_NOT_READY,
    "FailedMount": Reason.VOLUME_NOT_READY,
    "FailedMapVolume": Reason.VOLUME_NOT_READY,
    "NetworkNotReady": Reason.POD_SANDBOX_FAILED,
    "FailedCreatePodContainer": Reason.POD_SANDBOX_FAILED,
    "FailedCreatePodSandBox": Reason.POD_SANDBOX_FAILED,
    "FailedPrepareDynamicResources": Reason.POD_SANDBOX_FAILED,
}
# Kubelet's reasons once a container is on its way: volumes and network are ready then.
ON_ITS_WAY = frozenset({"Pulling", "Pulled", "Created", "Started"})
# What the kubelet adds of a volume that another Event explains.
VAGUE = ("timed out waiting for the condition", "context deadline exceeded", "unmounted volumes=")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodEvents:
    """The Events of a Pod, as they were read last."""

    pod_uid: str
    read_at: datetime
    problem: StartProblem | None = None
    latest: str | None = None
    """The last one, whatever it says."""


class _Warning(NamedTuple):
    """Sorts the one to show last."""

    explains: bool
    seen_at: str
    reason: Reason
    message: str


def parse_events(pod_uid: str, events: Iterable[Body], now: datetime) -> PodEvents:
    """Find what keeps the pod from starting in its Events, however they are written."""
    found = sorted((event for event in events if _text(event, "reason")), key=_seen_at)
    on_its_way = any(_text(event, "reason") in ON_ITS_WAY for event in found)
    warnings = [] if on_its_way else [_warning(event) for event in found if _text(event, "type") == "Warning"]
    last = max((warning for warning in warnings if warning is not None), default=None)
    problem = None if last is None else StartProblem(reason=last.reason, message=last.message)
    return PodEvents(pod_uid=pod_uid, read_at=now, problem=problem, latest=_sentence(found[-1]) if found else None)


def _warning(event: Body) -> _Warning | None:
    if (reason := WARNINGS.get(_text(event, "reason"))) is None:
        return None
    message = _sentence(event)
    return _Warning(not any(words in message for words in VAGUE), _seen_at(event), reason, message)


def _sentence(event: Body) -> str:
    # One line, and not more than a status has: the API server stores Events of any length.
    return f"{_text(event, 'reason')}: {' '.join(_text(event, 'message')[:4096].split())}"


def _seen_at(event: Body) -> str:
    """When it was last seen. RFC 3339 in UTC sorts as text."""
    series = event.get("series")
    times = (
        _text(series, "lastObservedTime") if isinstance(series, dict) else "",
        _text(event, "lastTimestamp"),
        _text(event, "eventTime"),
    )
    return max(times)


def _text(parent: Body, key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""
