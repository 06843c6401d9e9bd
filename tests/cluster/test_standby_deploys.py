"""Deploys while tasks find standby pods: from the second after a deploy, no task starts on the image before it."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.test_follow import RESTRICTED
from tests.cluster.test_standby import DONE, idle, queue, wait_ready
from tests.support.stage import PODS, QUEUES, example_image
from tests.support.tasks import FINISH_SECONDS
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from tests.support.stage import Stage
    from tools.cluster.cluster import Cluster

DEPLOYMENTS = "/apis/apps/v1/namespaces/{namespace}/deployments"
# A queue with a pod template of its own, and one that follows a Deployment.
OWN, FOLLOWS = "own", "follows"
STANDBY = {"min": 3, "max": 3}
# Of each queue after each deploy, one after the other, so that some find a pod that has come meanwhile.
TASKS, APART_SECONDS = 5, 0.6
# What is promised of a Deployment: the state that a start goes by is at most so old.
SETTLED_SECONDS = 1.0


def pod_template(image: str, release: int) -> dict[str, Any]:
    """As a namespace with the restricted standard wants it of a Deployment."""
    env = [{"name": "DJANGO_SECRET_KEY", "value": "for tests"}, {"name": "RELEASE", "value": str(release)}]
    container = {"env": env} | {"securityContext": RESTRICTED["containers"][0]["securityContext"]}
    pod = {"terminationGracePeriodSeconds": 1, "securityContext": RESTRICTED["securityContext"]}
    manifest = queue_manifest(OWN, image, container_update=container, pod_update=pod)
    template: dict[str, Any] = manifest["spec"]["template"]
    return template


def add_both(stage: Stage, image: str) -> None:
    template = pod_template(image, 0)
    labels = {"app": "web"}
    web = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        # Its own pods would take the CPU of this machine, and no task needs them.
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": template | {"metadata": {"labels": labels}},
        },
    }
    stage.request("POST", DEPLOYMENTS, web)
    for name, source in ((OWN, {"template": template}), (FOLLOWS, {"podTemplateFrom": {"deployment": "web"}})):
        manifest = queue_manifest(name, image)
        stage.request("POST", QUEUES, manifest | {"spec": source | {"standby": STANDBY}})
        wait_ready(stage, name, STANDBY["min"])


def deploy(stage: Stage, image: str, release: int) -> None:
    """To both. Returns when that is a second ago."""
    template = pod_template(image, release)
    stage.request("PATCH", f"{QUEUES}/{OWN}", {"spec": {"template": template}})
    stage.request("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"template": {"spec": template["spec"]}}})
    at = time.monotonic() + SETTLED_SECONDS

    def is_settled() -> bool | None:
        web, own = stage.request("GET", f"{DEPLOYMENTS}/web"), queue(stage, OWN)
        seen = web.get("status", {}).get("observedGeneration") == web["metadata"]["generation"]
        known = {one.get("observedGeneration") for one in own["status"]["conditions"]} == {
            own["metadata"]["generation"]
        }
        return (seen and known and time.monotonic() > at) or None

    wait_for(f"release {release} is deployed", is_settled, seconds=FINISH_SECONDS, why=stage.tell)


def enqueue_some(stage: Stage) -> list[str]:
    """Of both queues, one after the other."""
    tasks: list[str] = []
    for _ in range(TASKS):
        at = time.monotonic() + APART_SECONDS
        tasks += [stage.enqueue("shell", "echo $RELEASE", queue=name) for name in (OWN, FOLLOWS)]
        wait_for("some of them started", lambda: time.monotonic() > at or None, seconds=10)  # noqa: B023
    return tasks


@pytest.mark.parametrize("deploys", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_no_task_starts_on_an_old_image(stage: Stage, cluster: Cluster, deploys: int) -> None:
    image = example_image(cluster)
    add_both(stage, image)
    old = {*idle(stage, OWN), *idle(stage, FOLLOWS)}
    releases: dict[str, int] = {}
    for release in range(1, deploys + 1):
        deploy(stage, image, release)
        releases |= dict.fromkeys(enqueue_some(stage), release)
    for task, release in releases.items():
        status = stage.wait_phase(task, *DONE, seconds=FINISH_SECONDS)
        assert (status["phase"], json.loads(status["result"]).strip()) == ("Succeeded", str(release))
    pods = {pod["metadata"]["name"] for pod in stage.request("GET", PODS)["items"]}
    claimed = sum(f"{task}-1" not in pods for task in releases)
    assert len(releases) == 2 * TASKS * deploys
    assert claimed >= deploys, f"{claimed} of {len(releases)} found a standby pod"
    for name in (OWN, FOLLOWS):
        left = partial(idle, stage, name)
        wait_for("the old ones are gone", lambda: not old & set(left()) or None, seconds=FINISH_SECONDS)  # noqa: B023
        wait_ready(stage, name, STANDBY["min"])
