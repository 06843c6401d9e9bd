"""A node dies. Nobody can tell then whether its pods still run: no second attempt starts before Kubernetes has given up
the first one's pod, and the task says what it waits for, and what to do.

On a second node, which nothing else is scheduled to. Only of the native cluster is it known how to kill one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.stage import PODS, Stage, example_image
from tools.cluster.cluster import Cluster
from tools.kubectl import wait_for

NODE, TAINT = "node2", "djangotasks.dev/second-node"
UNREACHABLE = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
# The node controller's grace is 50 s (its flag --node-monitor-grace-period).
NODE_LOST_SECONDS = 300
HERE_IF_POSSIBLE = {
    "tolerations": [
        {"key": TAINT, "operator": "Exists"},
        # Without these, Kubernetes waits for 300 s before it gives up the pods of a node that does not answer.
        *({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1} for key in UNREACHABLE),
    ],
    "affinity": {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "preference": {
                        "matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}]
                    },
                }
            ]
        }
    },
}


@pytest.fixture
def node(cluster: Cluster) -> Iterator[Any]:
    if cluster.provider.name != "native":
        pytest.skip("only of the native cluster is it known how to kill a node")
    from tests.support.second_node import SecondNode

    with SecondNode(example_image(cluster)) as node:
        yield node


def only_pod(stage: Stage, task: str, number: int) -> Any:
    """The pod of this attempt, which must be the only one of the task."""
    (pod,) = stage.of_task(PODS, task)
    assert pod["metadata"]["name"] == f"{task}-{number}"
    return pod


def test_a_node_dies(stage: Stage, node: Any) -> None:
    stage.add_queue("away", pod_update=HERE_IF_POSSIBLE)
    reports, dies = stage.enqueue("sleep", 75, queue="away"), stage.enqueue("sleep", 600, queue="away")
    for task in (reports, dies):
        stage.wait(task, lambda status: status.get("startedAt"), "it started")
        assert only_pod(stage, task, 1)["spec"]["nodeName"] == NODE

    # The node is not heard of any more, and its pods are to go: but they run, and what they report counts.
    node.kill_kubelet()
    for task in (reports, dies):
        wait_for("its pod is to go", lambda: only_pod(stage, task, 1)["metadata"].get("deletionTimestamp"),  # noqa: B023
                 seconds=NODE_LOST_SECONDS, why=stage.tell)  # fmt: skip
    status = stage.wait_phase(reports, "Succeeded", "Failed")
    assert (status["phase"], len(status["attempts"]), status["interruptions"]) == ("Succeeded", 1, 0)

    # What does not report may run, too. Until its pod is gone, the task says so.
    node.kill()
    status = stage.wait(dies, lambda status: status.get("reason") == "NodeLost", "the node is lost")
    assert (status["phase"], len(status["attempts"]), status["interruptions"]) == ("Running", 1, 0)
    assert "node.kubernetes.io/out-of-service" in status["message"]
    only_pod(stage, dies, 1)

    # The remedy that the message names.
    taints = stage.request("GET", f"/api/v1/nodes/{NODE}")["spec"]["taints"]
    taints.append({"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"})
    stage.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"taints": taints}})
    status = stage.wait(dies, lambda status: status["interruptions"], "tried again", seconds=NODE_LOST_SECONDS)
    assert status["attempts"][0]["reason"] == "NodeLost"
    status = stage.wait(dies, lambda status: len(status["attempts"]) == 2, "the second attempt")
    assert only_pod(stage, dies, 2)["spec"]["nodeName"] != NODE
    assert status["interruptions"] == 1
    assert stage.status(reports)["phase"] == "Succeeded"


def test_a_node_dies_while_pods_come_to_it(stage: Stage, node: Any) -> None:
    """It is not known as lost yet, and gets pods. Their tasks have one attempt, and did not run."""
    stage.add_queue("away", pod_update=HERE_IF_POSSIBLE, policy={"startTimeoutSeconds": 15})
    node.kill()
    task = stage.enqueue("add", 1, 2, queue="away")
    wait_for("it got the pod", lambda: stage.of_task(PODS, task) or None, seconds=60, why=stage.tell)
    assert only_pod(stage, task, 1)["spec"]["nodeName"] == NODE
    status = stage.wait(task, lambda status: "out-of-service" in status.get("message", ""), "it says what to do")
    assert (status["reason"], len(status["attempts"])) == ("NodeLost", 1)

    # The other remedy that the message names.
    stage.request("DELETE", f"/api/v1/nodes/{NODE}")
    status = stage.wait_phase(task, "Succeeded", "Failed", seconds=NODE_LOST_SECONDS)
    assert (status["phase"], status["interruptions"]) == ("Succeeded", 1)
    assert status["attempts"][0]["reason"] == "NodeLost"


# On demand (make test-faults): it makes a second node, and kills it.
pytestmark = pytest.mark.slow
