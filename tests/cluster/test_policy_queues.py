"""What an administrator says of a queue: pauses, rates, ceilings, overrides, the class of its pods."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.tasks import TaskResultStatus
from shop import probes

from django_tasks_kubernetes import exceptions
from tests.cluster.conftest import queue_manifest
from tests.cluster.providers import Target
from tests.support.cluster import Cluster
from tests.support.kubectl import Kubectl
from tests.support.tasks import finish, status_of, wait_phase

STARTS, PERIOD = 2, 5


def using(task: Any, **options: Any) -> Any:
    return task.using(**options)


@pytest.fixture
def new_queue(cluster: Cluster, kubectl: Kubectl) -> Any:
    def make(name: str, **spec: Any) -> str:
        kubectl.apply(queue_manifest(name, cluster.image(Target.EXAMPLE), **spec))
        return name

    return make


def suspend(kubectl: Kubectl, name: str, value: str) -> None:
    kubectl("patch", "djangotaskqueue", name, "--type=merge", "-p", f'{{"spec":{{"suspended":{value}}}}}')


def test_a_suspended_queue(backend: Any, kubectl: Kubectl, new_queue: Any) -> None:
    queue = new_queue("paused")
    running = using(probes.sleep, queue_name=queue).enqueue(5)
    wait_phase(kubectl, running.id, "Running")
    suspend(kubectl, queue, "true")
    assert kubectl("get", "djangotaskqueue", queue).splitlines()[1].split()[-2] == "true"
    waiting = using(probes.add, queue_name=queue, priority=100).enqueue(1, 2)
    assert finish(running).return_value == 5, "what runs goes on"
    # A task of another queue, enqueued later, has come and gone: this one would have been started by now.
    finish(probes.add.enqueue(1, 2))
    status = status_of(kubectl, waiting.id)
    assert (status["phase"], "attempts" in status) == ("Queued", False)
    suspend(kubectl, queue, "false")
    assert finish(waiting).return_value == 3


def test_a_rate_limit(backend: Any, new_queue: Any) -> None:
    queue = new_queue("slow", rateLimit={"starts": STARTS, "periodSeconds": PERIOD})
    task = using(probes.add, queue_name=queue)
    results: list[Any] = [finish(result) for result in [task.enqueue(number, 1) for number in range(7)]]
    started = sorted(result.started_at for result in results)
    first = min(result.enqueued_at for result in results)
    for number, at in enumerate(started):
        # From the first one's admission; a pod may take its time, and cannot be early.
        assert at - first >= timedelta(seconds=number // STARTS * PERIOD)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timeout": 61}, "allows timeoutSeconds of at most 60; the task asks for 61"),
        ({"priority": 11}, "allows a priority of at most 10; the task asks for 11"),
        ({"resources": {"memory": "2Gi"}}, "allows requests of memory of at most 1Gi; the task asks for 2Gi"),
        ({"node_selector": {"disk": "ssd"}}, "does not let tasks set their nodeSelector"),
    ],
)
def test_what_is_over_a_ceiling_is_refused(
    backend: Any, kubectl: Kubectl, new_queue: Any, options: dict[str, Any], words: str
) -> None:
    ceilings = {"timeoutSeconds": 60, "priority": 10, "resources": {"memory": "1Gi"}}
    queue = new_queue("strict", ceilings=ceilings, allowedOverrides=["resources"])
    result = finish(using(probes.add, queue_name=queue, **options).enqueue(1, 2))
    assert (result.status, result.started_at) == (TaskResultStatus.FAILED, None)
    assert result.errors[0].exception_class is exceptions.NotAllowed
    assert words in result.errors[0].traceback
    assert status_of(kubectl, result.id)["reason"] == "NotAllowed"


@pytest.fixture
def priority_class(kubectl: Kubectl) -> Iterator[str]:
    name = f"{kubectl.namespace}-batch"
    kubectl.apply(
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 7}
    )
    yield name
    kubectl("delete", "priorityclass", name)


def test_what_is_allowed_is_in_the_pod(backend: Any, kubectl: Kubectl, new_queue: Any, priority_class: str) -> None:
    node = kubectl.get("nodes")["items"][0]["metadata"]["labels"]["kubernetes.io/os"]
    queue = new_queue("free", allowedOverrides=["resources", "nodeSelector"], priorityClassName=priority_class)
    options = {"resources": {"memory": "160Mi"}, "node_selector": {"kubernetes.io/os": node}}
    result = finish(using(probes.add, queue_name=queue, **options).enqueue(1, 2))
    assert result.return_value == 3
    spec = kubectl.get("pod", f"{result.id}-1")["spec"]
    assert spec["containers"][0]["resources"] == {"limits": {"memory": "160Mi"}, "requests": {"memory": "160Mi"}}
    assert (spec["nodeSelector"], spec["priority"]) == ({"kubernetes.io/os": node}, 7)
