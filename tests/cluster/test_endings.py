"""Everything that ends an attempt, with its real cause: what the task and its result say of it."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from django.tasks import TaskResult, TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from shop import probes

from tests.support.tasks import create_task, finish, killed_for, wait_gone, wait_phase, wait_reason
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl
from tools.manifests import queue_manifest


@pytest.fixture(scope="module")
def image(cluster: Cluster) -> str:
    return cluster.image(Target.EXAMPLE)


@pytest.mark.parametrize(
    ("task", "argument", "reason", "exit_code", "words"),
    [
        ("exit_process", 3, "ProcessExited", 3, "exit code 3"),
        ("exit_process", 0, "ProcessExited", 0, "reported no outcome"),
        ("kill_process", int(signal.SIGKILL), "ProcessExited", 137, "SIGKILL"),
        ("crash", None, "ProcessExited", 139, "SIGSEGV"),
        ("allocate", None, "OOMKilled", 137, "memory limit"),
    ],
)
def test_a_process_that_dies(
    backend: BaseTaskBackend,
    kubectl: Kubectl,
    image: str,
    task: str,
    argument: Any,
    reason: str,
    exit_code: int,
    words: str,
) -> None:
    # With a process namespace for the whole pod the task is not its first process, which SIGKILL cannot reach
    # from within.
    kubectl.apply(queue_manifest("mortal", image, pod_update={"shareProcessNamespace": True}))
    arguments = () if argument is None else (argument,)
    result = finish(getattr(probes, task).using(queue_name="mortal").enqueue(*arguments))
    assert result.status == TaskResultStatus.FAILED
    status = wait_phase(kubectl, result.id, "Failed")
    if reason == "OOMKilled" and killed_for(kubectl, f"{result.id}-1") != reason:
        reason, words = "ProcessExited", "SIGKILL"
    assert (status["reason"], status["attempts"][0]["exitCode"]) == (reason, exit_code)
    assert words in status["message"]
    assert status["interruptions"] == 0
    # Only of a memory limit it is known what was used.
    used = {"memoryBytes": 128 * 2**20, "memoryLimitBytes": 128 * 2**20} if reason == "OOMKilled" else None
    assert status["attempts"][0].get("usage") == used
    (error,) = result.errors
    assert issubclass(error.exception_class, Exception)
    assert words in error.traceback
    assert f" {reason} " in kubectl("get", "djangotask", result.id, "-o", "wide")


def test_the_end_of_the_log_is_kept_when_a_process_dies(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = finish(probes.crash.enqueue())
    # faulthandler's words, which are in the log alone.
    message = wait_phase(kubectl, result.id, "Failed")["message"]
    assert "Segmentation fault" in message
    assert "in crash" in message


# For a busy node to say what is wrong.
START_TIMEOUT = 45
# Queue, what its container has instead, and what becomes of its tasks.
CANNOT_START: list[tuple[str, dict[str, Any], str, str]] = [
    ("missing", {"image": "djangotasks/no-such-image:1"}, "ImagePullFailed", "no-such-image"),
    ("invalid", {"image": "Not A Name"}, "InvalidImageName", "Not A Name"),
    ("secret", {"envFrom": [{"secretRef": {"name": "no-such-secret"}}]}, "ContainerConfigError", "no-such-secret"),
    (
        "huge",
        {"resources": {"requests": {"memory": "100Ti"}, "limits": {"memory": "100Ti"}}},
        "Unschedulable",
        "memory",
    ),
    ("command", {}, "ContainerConfigError", "no-such-program"),
    (
        "volume",
        {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        "VolumeNotReady",
        'secret "no-such-secret" not found',
    ),
]
VOLUMES = [{"name": "v", "secret": {"secretName": "no-such-secret"}}]


@pytest.fixture(scope="module")
def stuck(backend: BaseTaskBackend, kubectl: Kubectl, image: str) -> dict[str, TaskResult[..., Any]]:
    """A task in each of these queues, by the queue: they wait for their start timeout side by side."""
    for name, change, _, _ in CANNOT_START:
        spec: dict[str, Any] = {"command": ["no-such-program"]} if name == "command" else {}
        if name == "volume":
            spec["pod_update"] = {"volumes": VOLUMES}
        policy = {"startTimeoutSeconds": START_TIMEOUT}
        kubectl.apply(queue_manifest(name, image, container_update=change, policy=policy, **spec))
    return {name: probes.add.using(queue_name=name).enqueue(1, 2) for name, *_ in CANNOT_START}


@pytest.mark.parametrize(("name", "reason", "words"), [(name, *rest) for name, _, *rest in CANNOT_START])
def test_a_pod_that_cannot_start(
    stuck: dict[str, TaskResult[..., Any]], kubectl: Kubectl, name: str, reason: str, words: str
) -> None:
    result = stuck[name]
    status = wait_phase(kubectl, result.id, "Failed")
    assert (status["reason"], status["interruptions"], len(status["attempts"])) == (reason, 0, 1)
    assert words in status["message"]
    result.refresh()
    assert words in result.errors[0].traceback
    if name != "command":  # whose pod has ended by itself
        wait_gone(kubectl, "pod", f"{result.id}-1")


def test_a_pod_says_what_it_waits_for_while_it_waits(backend: BaseTaskBackend, kubectl: Kubectl, image: str) -> None:
    """A volume is in no field of the pod: only Events name its Secret."""
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    kubectl.apply(queue_manifest("waits", image, container_update=mounts, pod_update={"volumes": VOLUMES}))
    result = probes.add.using(queue_name="waits").enqueue(1, 2)
    status = wait_reason(kubectl, result.id, "VolumeNotReady")
    assert status["phase"] == "Starting"
    assert 'secret "no-such-secret" not found' in status["message"]
    kubectl("create", "secret", "generic", "no-such-secret")
    try:
        # The kubelet tries again after two minutes at most.
        assert finish(result, 420).return_value == 3
    finally:
        kubectl("delete", "secret", "no-such-secret")


def test_a_pod_that_the_namespace_forbids(backend: BaseTaskBackend, kubectl: Kubectl, image: str) -> None:
    """The task waits, and runs when the queue is corrected."""
    kubectl.apply(queue_manifest("root", image, pod_update={"hostNetwork": True}))
    result = probes.add.using(queue_name="root").enqueue(1, 2)
    status = wait_reason(kubectl, result.id, "PodRefused")
    assert status["phase"] == "Queued"
    assert "violates PodSecurity" in status["message"]
    kubectl.apply(queue_manifest("root", image))
    assert finish(result).return_value == 3


def test_a_deadline(backend: BaseTaskBackend, kubectl: Kubectl, image: str) -> None:
    grace = {"pod_update": {"terminationGracePeriodSeconds": 2}}
    kubectl.apply(queue_manifest("hasty", image, policy={"timeoutSeconds": 2}, **grace))
    result = finish(probes.ignore_sigterm.using(queue_name="hasty").enqueue(600))
    assert result.status == TaskResultStatus.FAILED
    status = wait_phase(kubectl, result.id, "Failed")
    assert (status["reason"], status["interruptions"]) == ("DeadlineExceeded", 0)
    assert "2 s" in status["message"]
    pod = json.loads(kubectl("get", "pods", "-o", "json", "-l", f"djangotasks.dev/task={result.id}"))["items"]
    assert not pod or pod[0]["status"]["phase"] == "Failed", "no pod may run on when its task is called failed"


def test_a_sidecar_that_never_ends(backend: BaseTaskBackend, kubectl: Kubectl, image: str) -> None:
    manifest = queue_manifest("meshed", image)
    manifest["spec"]["template"]["spec"]["containers"].append(
        {"name": "proxy", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"]}
    )
    manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    kubectl.apply(manifest)
    result = finish(probes.add.using(queue_name="meshed").enqueue(1, 2))
    assert result.return_value == 3
    kubectl("wait", "--for=condition=Complete", f"job/{result.id}-1", "--timeout=240s", seconds=250)


def interrupted(kubectl: Kubectl, name: str, reason: str) -> None:
    """The first attempt was interrupted, and a second runs."""
    status = wait_phase(kubectl, name, "Succeeded")
    first, second = status["attempts"]
    assert (first["reason"], status["interruptions"]) == (reason, 1)
    assert second["pod"] == f"{name}-2"
    assert first["finishedAt"] <= second["startedAt"], "the first pod was gone when the second started"


def test_an_eviction(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = probes.sleep_at_first.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    pod = f"{result.id}-1"
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": kubectl.namespace},
    }
    kubectl("create", "--raw", f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}/eviction", "-f", "-",
            stdin=json.dumps(eviction))  # fmt: skip
    interrupted(kubectl, result.id, "Evicted")
    finish(result)
    assert result.attempts == 2
    assert "Evicted" in result.errors[0].traceback


def test_a_pod_deleted_by_hand(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = probes.sleep_at_first.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    kubectl("delete", "pod", f"{result.id}-1", "--wait=false")
    interrupted(kubectl, result.id, "PodDeleted")


def test_a_job_deleted_by_hand(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = probes.sleep_at_first.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    kubectl("delete", "job", f"{result.id}-1", "--wait=false")
    wait_phase(kubectl, result.id, "Succeeded")
    status = wait_phase(kubectl, result.id, "Succeeded")
    assert status["attempts"][0]["reason"] in ("JobDeleted", "PodDeleted")
    assert status["interruptions"] == 1


def test_retries_until_it_works(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    policy = {"maxAttempts": 3, "backoff": {"initialSeconds": 0.1}}
    name = create_task(kubectl, "shop.probes.fail_until", 3, policy=policy)
    status = wait_phase(kubectl, name, "Succeeded")
    assert (status["result"], [a.get("reason") for a in status["attempts"]]) == ("3", ["TaskError", "TaskError", None])
    result = backend.get_result(name)
    assert (result.attempts, len(result.errors)) == (3, 2)
    assert result.worker_ids == [f"{name}-{number}" for number in (1, 2, 3)]
    for number, condition in ((1, "Failed"), (2, "Failed"), (3, "Complete")):
        kubectl("wait", f"--for=condition={condition}", f"job/{name}-{number}", "--timeout=240s", seconds=250)


def test_a_waiting_attempt_costs_no_pod(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    policy = {"maxAttempts": 2, "backoff": {"initialSeconds": 600, "maxSeconds": 600}}
    name = create_task(kubectl, "shop.probes.fail", policy=policy)
    status = wait_reason(kubectl, name, "TaskError")
    assert status["phase"] == "Retrying"
    assert status["nextAttemptAt"] > status["attempts"][0]["finishedAt"]
    assert backend.get_result(name).status == TaskResultStatus.READY
    kubectl("wait", "--for=condition=Failed", f"job/{name}-1", "--timeout=240s", seconds=250)
    assert not kubectl("get", "job", f"{name}-2", "--ignore-not-found")
