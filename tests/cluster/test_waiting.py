"""What holds a task: its queue, its time, its turn, a quota. And that it starts when the cause is gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.tasks import TaskResult, TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from django.utils import timezone
from shop import probes

from tests.support.quotas import limit
from tests.support.tasks import (
    GO,
    assert_stopped,
    create_task,
    finish,
    go,
    status_of,
    wait_gone,
    wait_phase,
    wait_reason,
)
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl
from tools.manifests import queue_manifest


def test_a_queue_that_does_not_exist_yet(backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl) -> None:
    result = probes.add.using(queue_name="later").enqueue(1, 2)
    status = wait_reason(kubectl, result.id, "QueueNotFound")
    assert status["phase"] == "Queued"
    assert "'later'" in status["message"]
    result.refresh()
    assert result.status == TaskResultStatus.READY
    kubectl.apply(queue_manifest("later", cluster.image(Target.EXAMPLE)))
    assert finish(result).return_value == 3
    assert "reason" not in wait_phase(kubectl, result.id, "Succeeded")


def test_a_queue_that_follows_a_deployment(backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl) -> None:
    kubectl.apply(
        {
            "apiVersion": "djangotasks.dev/v1alpha1",
            "kind": "DjangoTaskQueue",
            "metadata": {"name": "web"},
            # The namespace would not admit the Deployment's own pods.
            "spec": {"podTemplateFrom": {"deployment": "web"}, "securityDefaults": "Restricted"},
        }
    )
    result = probes.environment_names.using(queue_name="web").enqueue()
    status = wait_reason(kubectl, result.id, "DeploymentNotFound")
    assert (status["phase"], "'web'" in status["message"]) == ("Queued", True)
    kubectl.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "containers": [
                            {
                                "name": "web",
                                "image": cluster.image(Target.EXAMPLE),
                                "imagePullPolicy": "IfNotPresent",
                                "command": ["false"],
                                "args": ["never run"],
                                "env": [
                                    {"name": "DJANGO_SECRET_KEY", "value": "x"},
                                    {"name": "FROM_THE_DEPLOYMENT", "value": "yes"},
                                ],
                                "readinessProbe": {"exec": {"command": ["false"]}},
                            }
                        ]
                    },
                },
            },
        }
    )
    assert "FROM_THE_DEPLOYMENT" in finish(result).return_value
    labels = kubectl.get("pod", f"{result.id}-1")["metadata"]["labels"]
    assert "app" not in labels, "a Service that selects the web app's pods must not find the task's"
    assert status_of(kubectl, result.id)["attempts"][0]["image"] == cluster.image(Target.EXAMPLE)
    # A deploy while a task runs: its next attempt has the new image.
    running = probes.sleep.using(queue_name="web").enqueue(600)
    wait_phase(kubectl, running.id, "Running")
    kubectl("set", "image", "deployment/web", "web=djangotasks/example:not-loaded")
    kubectl("delete", "pod", f"{running.id}-1", "--wait=false", "--grace-period=1")
    status = wait_reason(kubectl, running.id, "ImagePullFailed")
    images = [cluster.image(Target.EXAMPLE), "djangotasks/example:not-loaded"]
    assert [attempt["image"] for attempt in status["attempts"]] == images


def test_run_after_holds_a_task(backend: BaseTaskBackend) -> None:
    due = timezone.now() + timedelta(seconds=4)
    result = finish(probes.add.using(run_after=due).enqueue(1, 2))
    assert result.started_at is not None
    assert due <= result.started_at


def test_priority_orders_what_waits(backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl) -> None:
    kubectl.apply(queue_manifest("single", cluster.image(Target.EXAMPLE), concurrency=1))
    task = probes.sleep.using(queue_name="single")
    first = probes.wait_for_file.using(queue_name="single").enqueue(GO)
    wait_phase(kubectl, first.id, "Running")
    waiting = [task.using(priority=priority).enqueue(0) for priority in (-100, 0, 0, 100)]
    # A task of another queue, enqueued later, has come and gone: the operator knows of all of these.
    finish(probes.add.enqueue(1, 2))
    go(kubectl, f"{first.id}-1")
    low, middle, later, high = (started(result) for result in waiting)
    assert high < middle < later < low
    finish(first)
    assert first.finished_at
    assert first.finished_at < high


def started(result: TaskResult[..., Any]) -> datetime:
    finish(result)
    assert result.started_at is not None
    return result.started_at


def test_a_full_quota_is_waited_for(backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl) -> None:
    limit(kubectl, "narrow", {"requests.memory": "0"})
    memory = {"resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}}
    kubectl.apply(queue_manifest("greedy", cluster.image(Target.EXAMPLE), container_update=memory))
    name = create_task(kubectl, "shop.probes.add", 1, 2, queue="greedy")
    status = wait_reason(kubectl, name, "QuotaExceeded")
    assert (status["phase"], "exceeded quota: narrow" in status["message"]) == ("Queued", True)
    kubectl("delete", "resourcequota", "narrow")
    status = wait_phase(kubectl, name, "Succeeded")
    assert (len(status["attempts"]), status["interruptions"]) == (1, 0)


def test_a_waiting_task_is_cancelled_without_a_pod(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = probes.add.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(1, 2)
    kubectl("patch", "djangotask", result.id, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    assert wait_phase(kubectl, result.id, "Cancelled")["reason"] == "CancelRequested"
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    wait_gone(kubectl, "job", f"{result.id}-1")


def test_a_running_task_is_cancelled_when_its_pod_is_gone(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = probes.sleep.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    kubectl("patch", "djangotask", result.id, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    status = wait_phase(kubectl, result.id, "Cancelled")
    assert_stopped(kubectl, f"{result.id}-1")
    assert status["attempts"][0]["reason"] == "CancelRequested"
