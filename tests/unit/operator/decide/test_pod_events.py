"""When the Events of a pod are read: seldom, and only where its own status does not say what is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from djangotasks_api.models import Policy
from djangotasks_operator.decide.pod_events import events_due
from djangotasks_operator.pods.events import PodEvents
from djangotasks_operator.pods.views import Pod
from tests.support.builders import NOW, at, make_pod, make_snapshot, make_task, make_waiting

READ = PodEvents(pod_uid="pod-1", read_at=at(20))


@pytest.mark.parametrize(
    ("pod", "fields", "due"),
    [
        (make_pod(created_at=NOW), {}, at(10)),
        (make_pod(created_at=NOW), {"pod_events": READ}, at(80)),
        (make_pod(running_since=at(1)), {}, None),
        (make_pod(exit_code=0), {}, None),
        (make_pod(deleting=True), {}, None),
        (make_pod(waiting=make_waiting("ErrImagePull")), {}, None),
        (make_pod(unschedulable="0/3 nodes are available"), {}, None),
        (None, {}, None),
    ],
)
def test_events_are_read_of_pods_that_are_slow_to_start(
    pod: Pod | None, fields: dict[str, Any], due: datetime | None
) -> None:
    assert events_due(make_snapshot(pods=() if pod is None else (pod,), **fields), NOW) == due


def test_events_are_read_before_a_short_start_timeout_ends() -> None:
    task = make_task(policy=Policy(start_timeout_seconds=4))
    assert events_due(make_snapshot(task, pods=(make_pod(created_at=NOW),)), NOW) == at(2)
