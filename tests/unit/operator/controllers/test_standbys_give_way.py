"""Standby pods that give way to tasks which find no room, and those that stay."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.pods.room import ANY
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, make_task
from tests.unit.operator.controllers.many_tasks import fail
from tests.unit.operator.standby_stage import ask, condition, live, make_warm


def test_they_give_way_to_a_task_that_a_quota_refuses() -> None:
    operator = make_warm()
    operator.put_queue("other")
    operator.drain()
    fail(operator, "create pods", ApiError(403, {"message": "exceeded quota: narrow"}))
    operator.put_task(make_task(queue="other"))
    operator.drain()
    operator.wait(1)
    assert live(operator) == []
    found = condition(operator)
    assert found is not None
    assert found.reason == "NoRoom"
    operator.api.before_request = lambda _: None
    for _ in range(30):
        operator.wait(10)
    assert len(live(operator)) == 2, "nothing looks for room any more"


def test_they_give_way_to_a_pod_that_finds_no_node() -> None:
    operator = make_warm()
    operator.put_queue("other")
    operator.put_task(make_task(queue="other"))
    operator.drain()
    unschedulable = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available",
    }
    operator.set_pod_status("receipt-1", {"phase": "Pending", "conditions": [unschedulable]})
    operator.drain()
    operator.wait(1)
    assert live(operator) == []
    for _ in range(20):
        operator.wait(10)
    assert live(operator) == [], "the pod still finds none"


def test_they_stay_where_a_pod_waits_for_kueue() -> None:
    operator = make_warm()
    before = live(operator)
    operator.put_queue("batch")
    operator.put_task(make_task(queue="batch"))
    operator.drain()
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "scheduling gates"}
    operator.set_pod_status("receipt-1", {"phase": "Pending", "conditions": [gated]})
    for _ in range(20):
        operator.wait(10)
    assert operator.status().reason == "Unschedulable"
    assert live(operator) == before
    operator.term.standbys.give_way(NAMESPACE, [ANY])
    for _ in range(20):
        operator.wait(10)
    assert len(live(operator)) == 2, "the pod looks for no room"


NO_NODE = (
    "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. "
    "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)


def test_they_stay_where_a_pod_selects_nodes_that_there_are_not() -> None:
    """Those of a queue for GPUs, whose nodes are added when they are needed, or whose template is wrong."""
    operator = make_warm()
    before = live(operator)
    operator.put_queue("gpu")
    operator.put_task(make_task(queue="gpu"))
    operator.drain()
    nowhere = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": NO_NODE}
    operator.set_pod_status("receipt-1", {"phase": "Pending", "conditions": [nowhere]})
    operator.wait(1)
    assert operator.status().reason == "Unschedulable"
    assert live(operator) == before


WITH_GPU = {"name": "task", "image": "shop:1", "resources": {"limits": {"nvidia.com/gpu": 1}}}


@pytest.mark.parametrize(("container", "left"), [({"name": "task", "image": "shop:1"}, 2), (WITH_GPU, 0)])
@pytest.mark.parametrize("quota", [False, True])
def test_those_without_the_device_that_a_task_waits_for_stay(container: dict[str, Any], left: int, quota: bool) -> None:
    operator = make_warm()
    operator.put_queue(standby={"min": 2}, template={"spec": {"containers": [container]}})
    operator.wait(1)
    ask(operator)
    operator.put_queue("gpu")
    gpus = "exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=4, limited: …"
    if quota:
        fail(operator, "create pods", ApiError(403, {"message": gpus}))
    operator.put_task(make_task(queue="gpu"))
    operator.drain()
    if not quota:
        message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
        taken = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        operator.set_pod_status("receipt-1", {"phase": "Pending", "conditions": [taken]})
    for _ in range(20):
        operator.wait(10)
    assert len(live(operator)) == left


@pytest.mark.parametrize("first", ["SchedulingGated", "Unschedulable"])
def test_they_give_way_where_a_pod_comes_to_look_for_room(first: str) -> None:
    """Kueue has admitted it, or its nodes were added: the status of the task says Unschedulable as before."""
    operator = make_warm()
    operator.put_queue("gpu")
    operator.put_task(make_task(queue="gpu"))
    operator.drain()
    condition = {"type": "PodScheduled", "status": "False", "reason": first, "message": NO_NODE}
    operator.set_pod_status("receipt-1", {"phase": "Pending", "conditions": [condition]})
    operator.wait(1)
    assert len(live(operator)) == 2
    condition |= {"reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient memory."}
    operator.set_pod_status("receipt-1", {"phase": "Pending", "conditions": [condition]})
    operator.wait(1)
    assert live(operator) == []
