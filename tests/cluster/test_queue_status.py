"""What a queue says of itself: how many of its tasks wait and run, whether they can be started, and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from shop import probes

from tests.support.operator import OperatorProcess
from tests.support.quotas import limit
from tests.support.tasks import FINISH_SECONDS, create_task, finish, wait_phase, wait_reason
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest

Status = dict[str, Any]


@pytest.fixture
def new_queue(cluster: Cluster, kubectl: Kubectl) -> Iterator[Any]:
    """Makes queues that end with the test, and their tasks with them: one that is run again finds none of them."""
    made = set()

    def make(name: str, **spec: Any) -> str:
        kubectl.apply(queue_manifest(name, cluster.image(Target.EXAMPLE), **spec))
        made.add(name)
        return name

    yield make
    for name in made:
        kubectl("delete", "djangotasks", f"--field-selector=spec.queue={name}", "--wait=false")
        kubectl("delete", "djangotaskqueue", name, "--ignore-not-found")


def wait_queue(kubectl: Kubectl, name: str, check: Callable[[Status], bool], what: str) -> Status:
    """The first status of the queue that passes the check."""
    last: Status = {}

    def look() -> Status | None:
        nonlocal last
        last = kubectl.get("djangotaskqueue", name).get("status", {})
        return last if check(last) else None

    return wait_for(f"queue {name}: {what}", look, seconds=FINISH_SECONDS, why=lambda: json.dumps(last, indent=1))


def ready(status: Status) -> Status:
    """The condition."""
    found: Status = next((c for c in status.get("conditions", ()) if c["type"] == "Ready"), {})
    return found


def wait_ready(kubectl: Kubectl, name: str, status: str, reason: str) -> Status:
    def check(seen: Status) -> bool:
        return (ready(seen).get("status"), ready(seen).get("reason")) == (status, reason)

    return ready(wait_queue(kubectl, name, check, f"Ready={status}, {reason}"))


def wait_with_kubectl(kubectl: Kubectl, name: str) -> None:
    """As somebody does who deploys."""
    timeout = f"--timeout={FINISH_SECONDS:.0f}s"
    kubectl("wait", "--for=condition=Ready", f"djangotaskqueue/{name}", timeout, seconds=FINISH_SECONDS + 30)


def patch(kubectl: Kubectl, name: str, **spec: Any) -> None:
    kubectl("patch", "djangotaskqueue", name, "--type=merge", "-p", json.dumps({"spec": spec}))


def test_it_counts(backend: Any, kubectl: Kubectl, new_queue: Any) -> None:
    queue = new_queue("counted", concurrency=1)
    wait_with_kubectl(kubectl, queue)
    status = wait_queue(kubectl, queue, lambda status: status.get("queued") == 0, "empty")
    assert (status["running"], "oldestQueuedAt" in status) == (0, False)
    sleep = probes.sleep.using(queue_name=queue)
    running = sleep.enqueue(600)
    wait_phase(kubectl, running.id, "Running")
    waiting = sleep.enqueue(0)
    sleep.enqueue(0)
    sleep.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(0)
    status = wait_queue(kubectl, queue, lambda s: (s.get("queued"), s.get("running")) == (3, 1), "three wait, one runs")
    oldest = datetime.fromisoformat(status["oldestQueuedAt"])
    task = kubectl.get("djangotask", waiting.id)
    due = max(map(datetime.fromisoformat, (task["spec"]["enqueuedAt"], task["metadata"]["creationTimestamp"])))
    assert oldest == due, "what waits for its time is not the oldest"
    header, row = (line.split() for line in kubectl("get", "djangotaskqueue", queue).splitlines())
    assert dict(zip(header[:5], row[:5], strict=True)) == {
        "NAME": queue,
        "READY": "True",
        "QUEUED": "3",
        "RUNNING": "1",
        "CONCURRENCY": "1",
    }
    kubectl("patch", "djangotask", running.id, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    wait_queue(kubectl, queue, lambda s: (s["queued"], s["running"]) == (1, 0), "the last one waits for its time")
    kubectl("delete", "djangotasks", f"--field-selector=spec.queue={queue}", "--wait=false")
    status = wait_queue(kubectl, queue, lambda status: status["queued"] == 0, "nothing is left")
    assert "oldestQueuedAt" not in status


def test_a_suspended_queue_is_ready(backend: Any, kubectl: Kubectl, new_queue: Any) -> None:
    queue = new_queue("paused", suspended=True)
    condition = wait_ready(kubectl, queue, "True", "Suspended")
    assert "spec.suspended" in condition["message"]
    patch(kubectl, queue, suspended=False)
    again = wait_ready(kubectl, queue, "True", "Ready")
    assert again["lastTransitionTime"] == condition["lastTransitionTime"]
    assert again["observedGeneration"] == 2


def deployment(name: str, cluster: Cluster, **container: Any) -> dict[str, Any]:
    """Of no replicas: a pod template to follow, which the namespace admits."""
    admitted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {"name": "web", "image": cluster.image(Target.EXAMPLE), "securityContext": admitted} | container
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    }


def follow(kubectl: Kubectl, name: str, deployment: str, **spec: Any) -> str:
    body = queue_manifest(name, "")
    body["spec"] = {"podTemplateFrom": {"deployment": deployment}} | spec
    kubectl.apply(body)
    return name


def test_a_missing_deployment_is_reported_before_any_task_comes(
    backend: Any, cluster: Cluster, kubectl: Kubectl
) -> None:
    queue = follow(kubectl, "follower", "shop-web")
    condition = wait_ready(kubectl, queue, "False", "DeploymentNotFound")
    assert "'shop-web'" in condition["message"]
    kubectl.apply(deployment("shop-web", cluster, env=[{"name": "DJANGO_SECRET_KEY", "value": "for tests"}]))
    kubectl(
        "wait",
        "--for=condition=Ready",
        f"djangotaskqueue/{queue}",
        f"--timeout={FINISH_SECONDS:.0f}s",
        seconds=FINISH_SECONDS + 10,
    )
    assert finish(probes.add.using(queue_name=queue).enqueue(1, 2)).return_value == 3
    # It goes again, and now a task wants it: that is noticed at once.
    kubectl("delete", "deployment", "shop-web")
    waiting = create_task(kubectl, "shop.probes.add", 1, 2, queue=queue)
    wait_reason(kubectl, waiting, "DeploymentNotFound")
    wait_ready(kubectl, queue, "False", "DeploymentNotFound")
    status = wait_queue(kubectl, queue, lambda s: "lastError" in s and (s["queued"], s["running"]) == (1, 0), "trouble")
    assert status["lastError"].startswith("DeploymentNotFound: The queue follows the Deployment 'shop-web'")
    patch(kubectl, queue, podTemplateFrom={"deployment": "other"})
    kubectl.apply(deployment("other", cluster, env=[{"name": "DJANGO_SECRET_KEY", "value": "for tests"}]))
    wait_ready(kubectl, queue, "True", "Ready")
    wait_phase(kubectl, waiting, "Succeeded")


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "ours": ({"container": "worker"}, "InvalidTemplate", "no container 'worker'; it has: task"),
    "the server's": (
        {"container_update": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}},
        "InvalidTemplate",
        "must be less than or equal to memory limit",
    ),
    "admission's": ({"pod_update": {"hostNetwork": True}}, "PodRefused", "violates PodSecurity"),
    "an account": ({"pod_update": {"serviceAccountName": "nobody"}}, "InvalidTemplate", '"nobody" not found'),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_template_is_reported_before_any_task_comes(
    backend: Any, kubectl: Kubectl, new_queue: Any, what: str
) -> None:
    spec, reason, words = WRONG[what]
    name = f"wrong-{list(WRONG).index(what)}"
    new_queue(name, **json.loads(json.dumps(spec)))
    condition = wait_ready(kubectl, name, "False", reason)
    assert words in condition["message"]
    assert kubectl("get", "jobs,pods", "-l", f"djangotasks.dev/queue={name}", "-o", "name") == "", "nothing was made"
    if what == "an account":
        # Its repair is nowhere near the queue.
        kubectl("create", "serviceaccount", "nobody")
    else:
        kubectl("delete", "djangotaskqueue", name)
        new_queue(name)
    wait_with_kubectl(kubectl, name)
    assert ready(kubectl.get("djangotaskqueue", name)["status"])["reason"] == "Ready"


def test_what_kept_a_task_from_starting(backend: Any, kubectl: Kubectl, new_queue: Any) -> None:
    """A quota is no fault of the queue."""
    queue = new_queue("tight")
    before = timezone.now().replace(microsecond=0)
    limit(kubectl, "none", {"count/jobs.batch": "0"})
    result = probes.add.using(queue_name=queue).enqueue(1, 2)
    status = wait_queue(kubectl, queue, lambda s: "lastError" in s and (s["queued"], s["running"]) == (1, 0), "trouble")
    assert status["lastError"].startswith("QuotaExceeded: ")
    assert "exceeded quota: none" in status["lastError"]
    assert datetime.fromisoformat(status["lastErrorAt"]) >= before
    assert ready(status)["status"] == "True"
    kubectl("delete", "resourcequota", "none")
    finish(result)
    # It is history, and stays as long as nothing else goes wrong.
    status = wait_queue(kubectl, queue, lambda status: status["queued"] == 0, "all is done")
    assert status["lastError"].startswith("QuotaExceeded: ")


def test_nothing_is_written_where_nothing_is_new(
    backend: Any, kubectl: Kubectl, new_queue: Any, operator: OperatorProcess
) -> None:
    """Not by a restarted operator that reconciles everything, and not by changes elsewhere."""
    queue = new_queue("quiet", concurrency=1)
    sleep = probes.sleep.using(queue_name=queue)
    wait_phase(kubectl, sleep.enqueue(600).id, "Running")
    sleep.enqueue(600)
    broken = follow(kubectl, "broken", "no-such-deployment")
    wait_ready(kubectl, broken, "False", "DeploymentNotFound")
    wait_queue(kubectl, queue, lambda s: (s.get("queued"), s.get("running")) == (1, 1), "one runs, one waits")
    names = (queue, broken)
    before = [kubectl.get("djangotaskqueue", name)["metadata"]["resourceVersion"] for name in names]
    operator.stop()
    operator.start()
    # Another queue's status is written later than these queues' would have been, if there were any.
    other = new_queue("noisy", suspended=True)
    for number in range(3):
        create_task(kubectl, queue=other)
        wait_queue(kubectl, other, lambda status, n=number + 1: status.get("queued") == n, "it has one more")  # type: ignore[misc]
    assert [kubectl.get("djangotaskqueue", name)["metadata"]["resourceVersion"] for name in names] == before
