"""Deploys while tasks find standby pods: each task runs once, none starts on an image that is older than a deploy that
was over, and standby pods come back after each."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
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
# Of each queue: right before a deploy and right after it; and when it is over, more than there are standby pods.
ACROSS, AFTER = 4, 8
# What is promised of a Deployment: the state that a start goes by is at most so old.
SETTLED_SECONDS = 1.0


def pod_template(image: str, release: int) -> dict[str, Any]:
    """As a namespace with the restricted standard wants it of a Deployment. Its own pods do nothing."""
    env = [{"name": "DJANGO_SECRET_KEY", "value": "for tests"}, {"name": "RELEASE", "value": str(release)}]
    container = {"env": env, "securityContext": RESTRICTED["containers"][0]["securityContext"]}
    pod = {"terminationGracePeriodSeconds": 1, "securityContext": RESTRICTED["securityContext"]}
    manifest = queue_manifest(OWN, image, container_update=container, pod_update=pod)
    template: dict[str, Any] = manifest["spec"]["template"]
    return template


def web_template(image: str, release: int) -> dict[str, Any]:
    template = pod_template(image, release)
    template["spec"]["containers"][0]["command"] = ["sleep", "86400"]
    return template


@dataclass
class Deploys:
    """Two queues, what was deployed to them, and the tasks that were sent meanwhile."""

    stage: Stage
    image: str
    oldest: int = 0
    """The release that tasks which are sent now may start on at the oldest."""
    sent: dict[str, int] = field(default_factory=dict)
    """By name of the task: the oldest release that it may run."""

    def begin(self) -> None:
        labels = {"app": "web"}
        template = web_template(self.image, 0) | {"metadata": {"labels": labels}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
        self.stage.request("POST", DEPLOYMENTS, web)
        sources = {OWN: {"template": pod_template(self.image, 0)}, FOLLOWS: {"podTemplateFrom": {"deployment": "web"}}}
        for name, source in sources.items():
            # The pods are counted at the end.
            spec = source | {"standby": STANDBY, "podTtlSecondsAfterFinished": 86400}
            self.stage.request("POST", QUEUES, queue_manifest(name, self.image) | {"spec": spec})
        self.wait_settled()

    def deploy(self, release: int) -> None:
        """To both."""
        self.stage.request("PATCH", f"{QUEUES}/{OWN}", {"spec": {"template": pod_template(self.image, release)}})
        template = {"spec": web_template(self.image, release)["spec"]}
        self.stage.request("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"template": template}})

    def wait_settled(self) -> None:
        """The operator knows the template, and the Deployment is rolled out for as long as it may not know that."""

        def is_over() -> bool | None:
            web, own = self.stage.request("GET", f"{DEPLOYMENTS}/web"), queue(self.stage, OWN)
            status, wanted = web.get("status", {}), own["metadata"]["generation"]
            known = {one.get("observedGeneration") for one in own.get("status", {}).get("conditions", ())} == {wanted}
            counts = {status.get(name) for name in ("replicas", "updatedReplicas", "readyReplicas")}
            return (
                status.get("observedGeneration") == web["metadata"]["generation"] and counts == {1} and known
            ) or None

        wait_for("the deploy is over", is_over, seconds=FINISH_SECONDS, why=self.stage.tell)
        at = time.monotonic() + SETTLED_SECONDS
        wait_for("that is known", lambda: time.monotonic() > at or None, seconds=10)

    def send(self, name: str) -> str:
        """A task that says which release runs it, and in which pod."""
        task = self.stage.enqueue("shell", "echo $RELEASE $HOSTNAME", queue=name)
        self.sent[task] = self.oldest
        return task

    def send_both(self, number: int) -> list[str]:
        return [self.send(name) for _ in range(number) for name in (OWN, FOLLOWS)]

    def pod_of(self, task: str) -> str:
        """Where it has run."""
        status = self.stage.wait_phase(task, *DONE, seconds=FINISH_SECONDS)
        assert (status["phase"], status["interruptions"]) == ("Succeeded", 0), self.stage.tell(status)
        (attempt,) = status["attempts"]
        release, pod = json.loads(status["result"]).split()
        assert attempt["pod"] == pod
        assert int(release) >= self.sent[task], f"{task} in {pod}: release {release} after {self.sent[task]}"
        return str(pod)

    def wait_warm(self) -> None:
        """Both queues have standby pods of this release, and a task finds one."""
        for name in (OWN, FOLLOWS):
            self.wait_idle(name)
            # The status may be that of a moment ago, and a pod asks again now and then.
            wait_for(
                f"a task of {name} finds a standby pod of release {self.oldest}",
                lambda: self.pod_of(task := self.send(name)) != f"{task}-1" or None,  # noqa: B023
                seconds=FINISH_SECONDS,
                why=self.stage.tell,
            )

    def wait_idle(self, name: str) -> None:
        def are_new() -> bool | None:
            pods = idle(self.stage, name).values()
            variables = [env for pod in pods for env in pod["spec"]["containers"][0]["env"]]
            releases = [env["value"] for env in variables if env["name"] == "RELEASE"]
            return releases == [str(self.oldest)] * STANDBY["min"] or None

        wait_for(f"standby pods of release {self.oldest}", are_new, seconds=FINISH_SECONDS, why=self.stage.tell)
        wait_ready(self.stage, name, STANDBY["min"])


@pytest.mark.parametrize("deploys", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_tasks_across_deploys(stage: Stage, cluster: Cluster, deploys: int) -> None:
    world = Deploys(stage, example_image(cluster))
    world.begin()
    for release in range(1, deploys + 1):
        world.wait_warm()
        if release % 2:
            # Standby pods of the release before wait when it is over.
            for name in (OWN, FOLLOWS):
                world.wait_idle(name)
            world.deploy(release)
        else:
            world.send_both(ACROSS)
            world.deploy(release)
            world.send_both(ACROSS)
        world.wait_settled()
        world.oldest = release
        for task in world.send_both(AFTER):
            world.pod_of(task)
    world.wait_warm()
    ran_in = {task: world.pod_of(task) for task in world.sent}
    assert len(set(ran_in.values())) == len(ran_in), "a pod runs one task"
    there = [pod for pod in stage.request("GET", PODS)["items"] if "djangotasks.dev/task" in pod["metadata"]["labels"]]
    found = {pod["metadata"]["labels"]["djangotasks.dev/task"]: pod["metadata"]["name"] for pod in there}
    assert (found, len(there)) == (ran_in, len(ran_in)), "a task has one pod"
    assert not any(one["restartCount"] for pod in there for one in pod["status"]["containerStatuses"])
    claimed = sum(pod != f"{task}-1" for task, pod in ran_in.items())
    assert claimed >= 2 * (deploys + 1), "of each queue, before and after each deploy"
