"""Limits hold while a quota of the namespace is full, and when it is no more."""

from __future__ import annotations

import json

from django.tasks.backends.base import BaseTaskBackend

from tests.support.quotas import limit
from tests.support.tasks import FINISH_SECONDS, create_task, wait_phase, wait_reason, wait_status
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest


def running_pods(kubectl: Kubectl, queue: str) -> list[str]:
    pods = json.loads(kubectl("get", "pods", "-l", f"djangotasks.dev/queue={queue}", "-o", "json"))["items"]
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]


def test_concurrency_and_priority_hold_through_a_full_quota(
    backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl
) -> None:
    kubectl.apply(queue_manifest("two", cluster.image(Target.EXAMPLE), concurrency=2))
    limit(kubectl, "narrow", {"pods": "1"})
    first = create_task(kubectl, "shop.probes.sleep", 600, queue="two")
    wait_phase(kubectl, first, "Running")
    low = [create_task(kubectl, "shop.probes.sleep", 600, queue="two") for _ in range(6)]
    wait_reason(kubectl, low[0], "QuotaExceeded")
    urgent = create_task(kubectl, "shop.probes.sleep", 600, queue="two", priority=100)
    wait_reason(kubectl, urgent, "QuotaExceeded")
    # There is room again, for everybody.
    limit(kubectl, "narrow", {"pods": "30"})
    kubectl("patch", "djangotask", first, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    wait_phase(kubectl, urgent, "Running")
    second = wait_for("a second one", lambda: len(running_pods(kubectl, "two")) == 2 or None, seconds=FINISH_SECONDS)
    assert second
    states = [kubectl.get("djangotask", name)["status"]["phase"] for name in low]
    assert sum(state in ("Starting", "Running") for state in states) <= 1
    assert kubectl.get("djangotaskqueue", "two")["spec"]["concurrency"] == 2
    kubectl("delete", "resourcequota", "narrow")
    kubectl("delete", "djangotasks", "--all", "--wait=false")


def test_a_deleted_tasks_pod_keeps_its_slot(backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl) -> None:
    """A queue of one at a time stays one, while the deleted task cleans up."""
    kubectl.apply(queue_manifest("one", cluster.image(Target.EXAMPLE), concurrency=1))
    first = create_task(kubectl, "shop.probes.ignore_sigterm", 600, queue="one", policy={"gracePeriodSeconds": 8})
    wait_phase(kubectl, first, "Running")
    second = create_task(kubectl, "shop.probes.add", 1, 2, queue="one")
    kubectl("delete", "djangotask", first, "--wait=false")
    wait_phase(kubectl, second, "Succeeded")
    ended = kubectl.get("pod", f"{second}-1")["metadata"]["creationTimestamp"]
    gone = kubectl("get", "events", "--field-selector", f"involvedObject.name={first}-1,reason=Killing", "-o", "json")
    (killing,) = json.loads(gone)["items"]
    assert ended > killing["firstTimestamp"], "it began after the other one had its grace period"


def test_a_task_whose_wish_no_pod_can_have_fails_alone(
    backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl
) -> None:
    kubectl.apply(
        queue_manifest("wishes", cluster.image(Target.EXAMPLE), allowedOverrides=["resources", "nodeSelector"])
    )
    wishes = {
        "requests": {"resources": {"requests": {"memory": "4Gi"}}},
        "selector": {"nodeSelector": {"a b": "c"}},
    }
    names = [create_task(kubectl, "shop.probes.add", 1, 2, queue="wishes", overrides=wish) for wish in wishes.values()]
    for name in names:
        status = wait_phase(kubectl, name, "Failed")
        assert (status["reason"], len(status["attempts"])) == ("InvalidSpec", 1)
    kubectl("wait", "--for=condition=Ready", "djangotaskqueue/wishes", "--timeout=240s", seconds=250)
    well = create_task(kubectl, "shop.probes.add", 1, 2, queue="wishes")
    wait_status(kubectl, well, lambda status: status["phase"] == "Succeeded", "Succeeded")
