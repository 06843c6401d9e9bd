"""The node of standby pods dies: while they wait, between the claim of one and its delivery, and while it runs its task."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.test_node_loss import HERE_IF_POSSIBLE, NODE, NODE_LOST_SECONDS, node
from tests.cluster.test_standby import DONE, idle, warm
from tests.support.faults import AFTER, Delay, Rule
from tests.support.stage import PODS, Stage
from tests.support.tasks import FINISH_SECONDS
from tools.kubectl import wait_for

__all__ = ["node"]

# Until the node's processes are killed.
DELIVERY_SECONDS = 12.0


def pod_of(stage: Stage, task: str, number: int = 1) -> Any:
    pods = stage.of_task(PODS, task)
    return next(pod for pod in pods if pod["metadata"]["labels"]["djangotasks.dev/attempt"] == str(number))


def all_are_there(stage: Stage, name: str) -> None:
    assert {pod["spec"]["nodeName"] for pod in idle(stage, name).values()} == {NODE}


def test_while_they_wait(stage: Stage, node: Any) -> None:
    """Nothing is given to a pod that is not there to be answered."""
    warm(stage, ready=2, pod_update=HERE_IF_POSSIBLE)
    all_are_there(stage, "warm")
    lost = set(idle(stage, "warm"))
    node.kill()
    # Where nothing is known of the node yet, a pod of its own might be sent there.
    wait_for(
        "the node is known to be lost",
        lambda: (
            any(
                taint["key"] == "node.kubernetes.io/unreachable"
                for taint in stage.request("GET", f"/api/v1/nodes/{NODE}")["spec"].get("taints", ())
            )
            or None
        ),
        seconds=NODE_LOST_SECONDS,
    )
    task = stage.enqueue("add", 1, 2, queue="warm")
    status = stage.wait_phase(task, *DONE)
    assert (status["phase"], len(status["attempts"]), status["interruptions"]) == ("Succeeded", 1, 0)
    pod = pod_of(stage, task)
    assert pod["spec"]["nodeName"] != NODE
    assert pod["metadata"]["name"] not in lost


def test_between_claim_and_delivery_and_after(stage: Stage, node: Any) -> None:
    """Nobody can know whether the task runs there: another attempt starts when the pod is known to be gone."""
    warm(stage, ready=2, pod_update=HERE_IF_POSSIBLE)
    all_are_there(stage, "warm")
    runs = stage.enqueue("sleep", 600, queue="warm")
    stage.wait(runs, lambda status: status.get("startedAt"), "it started")
    stage.proxy.add(rule := Rule(Delay(DELIVERY_SECONDS), "patch pods", moment=AFTER))
    claimed = stage.enqueue("sleep", 1, queue="warm")
    wait_for("the claim is made", lambda: rule.hits or None, seconds=FINISH_SECONDS, why=stage.tell)
    wait_for("its pod", lambda: stage.of_task(PODS, claimed) or None, seconds=FINISH_SECONDS, why=stage.tell)
    node.kill()
    assert pod_of(stage, claimed)["spec"]["nodeName"] == NODE
    for task in (runs, claimed):
        status = stage.wait(
            task, lambda status: status.get("reason") == "NodeLost", "the node is lost", seconds=NODE_LOST_SECONDS
        )
        assert (len(stage.of_task(PODS, task)), status["interruptions"]) == (1, 0)
    stage.cancel(runs)
    # The remedy that the message names.
    taints = stage.request("GET", f"/api/v1/nodes/{NODE}")["spec"]["taints"]
    taints.append({"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"})
    stage.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"taints": taints}})
    assert stage.wait_phase(runs, *DONE, seconds=NODE_LOST_SECONDS)["phase"] == "Cancelled"
    status = stage.wait_phase(claimed, *DONE, seconds=NODE_LOST_SECONDS)
    assert (status["phase"], len(status["attempts"]), status["interruptions"]) == ("Succeeded", 2, 1)
    assert status["attempts"][0]["reason"] == "NodeLost"
    assert pod_of(stage, claimed, 2)["spec"]["nodeName"] != NODE


# On demand (make test-faults): it makes a second node, and kills it.
pytestmark = pytest.mark.slow
