"""Deleting never hangs: there is no finalizer of ours on anything."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.tasks.backends.base import BaseTaskBackend
from django.utils import timezone
from shop import probes

from tests.support.operator import OperatorProcess
from tests.support.tasks import GO, create_task, finish, go, wait_gone, wait_phase, wait_reason
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest

# A pod that is stopped has 30 s, and the namespace controller takes its time.
NAMESPACE_SECONDS = 300.0
# With a finalizer, and nobody who removes it, it would take for ever.
DELETE = ("delete", "--timeout=60s")


def test_a_queue_deleted_under_its_tasks(
    backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl, operator: OperatorProcess
) -> None:
    manifest = queue_manifest("doomed", cluster.image(Target.EXAMPLE), concurrency=1)
    kubectl.apply(manifest)
    task = probes.sleep.using(queue_name="doomed")
    running = probes.wait_for_file.using(queue_name="doomed").enqueue(GO)
    waiting = task.enqueue(0)
    wait_phase(kubectl, running.id, "Running")
    kubectl(*DELETE, "djangotaskqueue", "doomed")
    go(kubectl, f"{running.id}-1")
    assert finish(running).return_value == GO
    wait_reason(kubectl, waiting.id, "QueueNotFound")
    kubectl.apply(manifest)
    assert finish(waiting).return_value == 0


def test_nothing_has_a_finalizer(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = finish(probes.add.enqueue(1, 2))
    kubectl("wait", "--for=condition=Complete", f"job/{result.id}-1", "--timeout=240s", seconds=250)
    for kind, name in (("djangotask", result.id), ("job", f"{result.id}-1"), ("pod", f"{result.id}-1"),
                       ("djangotaskqueue", "default")):  # fmt: skip
        metadata = kubectl.get(kind, name)["metadata"]
        assert not metadata.get("finalizers"), (kind, metadata)
        assert not any("kopf" in key for key in metadata.get("annotations", {})), "kopf writes nothing"


def test_a_task_deleted_while_no_operator_runs(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess
) -> None:
    result = probes.sleep.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    operator.stop()
    try:
        kubectl(*DELETE, "djangotask", result.id)
        wait_gone(kubectl, "pod", f"{result.id}-1")
    finally:
        operator.start()


def test_a_namespace_deleted_with_one_of_everything(
    backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl, namespace: str, operator: OperatorProcess
) -> None:
    """The last story of the file: nothing is left after it."""
    succeeded = finish(probes.add.enqueue(1, 2))
    running, held = (
        probes.sleep.enqueue(600),
        probes.add.using(run_after=timezone.now() + timedelta(days=9999)).enqueue(1, 2),
    )
    retrying = create_task(
        kubectl, "shop.probes.fail", policy={"maxAttempts": 2, "backoff": {"initialSeconds": 600, "maxSeconds": 600}}
    )
    homeless = create_task(kubectl, queue="nowhere")
    kubectl.apply(
        resource("Schedule", "often", everyMinutes=1, task=step("add", 1, 2)),
        resource("Workflow", "runs", steps=[{"name": "a", **step("sleep", 600)}, {"name": "b", **step("add", 1, 2)}]),
        resource("Workflow", "waits", steps=[{"name": "a", "queue": "nowhere", **step("add", 1, 2)}]),
        resource("Hold", "held", by="jane"),
        queue_manifest("spare", cluster.image(Target.EXAMPLE), standby={"min": 1}),
    )
    wait_phase(kubectl, running.id, "Running")
    wait_phase(kubectl, retrying, "Retrying")
    wait_reason(kubectl, homeless, "QueueNotFound")
    wait_phase(kubectl, "runs-a", "Running")
    kubectl("wait", "--for=create", "pod", "-l", "djangotasks.dev/queue=spare", "--timeout=120s", seconds=130)
    assert {succeeded.id, held.id} <= set(names(kubectl))
    cluster.delete_namespace(namespace)

    def gone() -> bool | None:
        return None if cluster.kubectl("default")("get", "namespace", namespace, "--ignore-not-found") else True

    wait_for("the namespace is gone", gone, seconds=NAMESPACE_SECONDS)
    assert operator.running
    assert "a defect" not in operator.log()


def resource(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "djangotasks.dev/v1alpha1", "kind": f"DjangoTask{kind}", "metadata": metadata, "spec": spec}


def step(task: str, *args: Any) -> dict[str, Any]:
    return {"task": f"shop.probes.{task}", "payload": json.dumps({"args": args, "kwargs": {}})}


def names(kubectl: Kubectl) -> list[str]:
    return [item["metadata"]["name"] for item in json.loads(kubectl("get", "djangotasks", "-o", "json"))["items"]]
