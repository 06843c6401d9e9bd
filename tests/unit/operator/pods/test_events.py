"""What Events say of a pod that does not start: the useful one of them, whatever else is written there."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.phases import Reason
from djangotasks_operator.pods.events import PodEvents, parse_events
from tests.support.builders import at


def event(reason: str, message: str = "", seconds: float = 0, type_: str = "Warning", **more: Any) -> dict[str, Any]:
    stamp = at(seconds).isoformat().replace("+00:00", "Z")
    return {"type": type_, "reason": reason, "message": message, "lastTimestamp": stamp} | more


def parse(*events: Any) -> PodEvents:
    return parse_events("pod-1", events, at(60))


SCHEDULED = event("Scheduled", "Successfully assigned shop/receipt-1 to n1", 0, "Normal")
SECRET = event("FailedMount", 'MountVolume.SetUp failed for volume "c" : secret "missing" not found', 10)
VAGUE = event("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[c]: timed out waiting", 90)
ATTACH = event("FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-1', 5)
SANDBOX = event("FailedCreatePodSandBox", 'plugin type="calico" failed (add): no IPs', 7)
# kubernetes/kubernetes#90197: the node makes no cgroup for the pod.
CGROUP = event("FailedCreatePodContainer", "unable to ensure pod container exists: mkdir: no space left on device", 6)
PULLING = event("Pulling", 'Pulling image "shop:1"', 30, "Normal")
# As events.k8s.io has them.
SERIES = event("FailedMount", "the first time", 0) | {
    "lastTimestamp": None,
    "eventTime": "2026-11-23T12:00:00.000001Z",
    "series": {"lastObservedTime": "2026-11-23T12:05:00Z"},
}


@pytest.mark.parametrize(
    ("events", "reason", "words"),
    [
        ([SCHEDULED, SECRET], Reason.VOLUME_NOT_READY, 'FailedMount: MountVolume.SetUp failed for volume "c" : secret'),
        ([SCHEDULED, SECRET, VAGUE], Reason.VOLUME_NOT_READY, 'secret "missing" not found'),
        ([VAGUE], Reason.VOLUME_NOT_READY, "unmounted volumes"),
        ([ATTACH, VAGUE], Reason.VOLUME_NOT_READY, "FailedAttachVolume: Multi-Attach error"),
        ([SANDBOX], Reason.POD_SANDBOX_FAILED, "no IPs"),
        ([SCHEDULED, CGROUP], Reason.POD_SANDBOX_FAILED, "no space left"),
        ([SECRET, event("FailedMount", 'configmap "other" not found', 20)], Reason.VOLUME_NOT_READY, "other"),
        ([SECRET, SERIES], Reason.VOLUME_NOT_READY, "the first time"),
        ([event("FailedScheduling", "0/3 nodes are available")], Reason.UNSCHEDULABLE, "0/3 nodes"),
        # Volumes and network are ready by then.
        ([SCHEDULED, SECRET, PULLING], None, ""),
        ([SCHEDULED], None, ""),
        # Harmless ones, which many pods have.
        ([event("DNSConfigForming", "Search Line limits were exceeded")], None, ""),
        ([event("FailedMount", "no warning", type_="Normal")], None, ""),
        ([], None, ""),
        # Anybody may write Events, of any form.
        ([{}, {"reason": 1}, {"reason": "FailedMount", "type": "Warning", "message": [1], "series": "x"}],
         Reason.VOLUME_NOT_READY, "FailedMount: "),
    ],
)  # fmt: skip
def test_the_event_that_explains_it_is_found(events: list[Any], reason: Reason | None, words: str) -> None:
    for order in (events, events[::-1]):
        problem = parse(*order).problem
        assert (problem and problem.reason) == reason
        if problem is not None:
            assert words in problem.message
            assert not problem.permanent, "an Event decides nothing"


def test_the_last_event_is_known_for_when_nothing_is_wrong() -> None:
    assert parse(PULLING, SCHEDULED).latest == 'Pulling: Pulling image "shop:1"'
    assert parse().latest is None


def test_a_text_is_one_line_and_short() -> None:
    problem = parse(event("FailedMount", "a\nb\t" + "c" * 1_000_000)).problem
    assert problem is not None
    assert problem.message.startswith("FailedMount: a b cccc")
    assert len(problem.message) < 5000
