"""Each app of the zoo is deployed, and a task runs in a queue that follows it, in the pod that is expected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tasks import create_task, wait_phase
from tests.zoo import APPS, App
from tests.zoo.differences import differences
from tools.cluster import Target
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.operator import OperatorProcess
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

SECONDS = 300
# What a task's pod always has otherwise, beside what `test_zoo` of the unit tests names.
ALWAYS = ("spec.automountServiceAccountToken", "spec.restartPolicy", "spec.hostname", "spec.nodeName")
OF_THE_CONTAINER = (
    *("command", "args", "terminationMessagePath", "terminationMessagePolicy"),
    *("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"),
    *(f"env[DJANGOTASKS_{name}]" for name in ("ASSIGNMENT", "PAYLOAD", "TOKEN")),
)
# The volume of the service account's token, which the API server mounts.
TOKEN = "kube-api-access-"


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """One that enforces nothing, since the apps need it so."""
    name = cluster.new_namespace(restricted=False)
    yield name
    cluster.delete_namespace(name)


@pytest.fixture
def app(request: pytest.FixtureRequest, cluster: Cluster, kubectl: Kubectl) -> Iterator[App]:
    """Deployed, and available."""
    app: App = request.param
    image = cluster.image_with_user(Target.EXAMPLE, app.user) if app.user else cluster.image(Target.EXAMPLE)
    made = [*app.objects, app.deployment(image), queue(app)]
    kubectl.apply(*made)
    selector = ",".join(f"{key}={value}" for key, value in app.deployment_selector["matchLabels"].items())
    kubectl.roll_out(app.name, seconds=SECONDS, selector=selector)
    yield app
    for body in made:
        kubectl("delete", body["kind"].lower(), body["metadata"]["name"], "--wait=false")


def queue(app: App) -> dict[str, Any]:
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskQueue",
        "metadata": {"name": app.name},
        "spec": app.queue_spec | {"policy": {"startTimeoutSeconds": SECONDS}},
    }


def ready_message(kubectl: Kubectl, name: str) -> str:
    found: dict[str, Any] = {}

    def look() -> str | None:
        conditions = kubectl.get("djangotaskqueue", name).get("status", {}).get("conditions", ())
        found.update(next((c for c in conditions if c["type"] == "Ready"), {}))
        return found["message"] if found.get("status") == "True" else None

    return wait_for(f"queue {name} is Ready", look, seconds=SECONDS, why=lambda: json.dumps(found))


def without_token(pod: dict[str, Any]) -> dict[str, Any]:
    spec = pod["spec"]
    spec["volumes"] = [volume for volume in spec.get("volumes", ()) if not volume["name"].startswith(TOKEN)]
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        mounts = container.get("volumeMounts", ())
        container["volumeMounts"] = [mount for mount in mounts if not mount["name"].startswith(TOKEN)]
    return {"spec": spec}


def unexpected(app: App, web: dict[str, Any], task: dict[str, Any]) -> list[str]:
    """What differs between the Deployment's pod and the task's, and should not."""
    container = f"spec.containers[{app.container}]"
    always = {*ALWAYS, *(f"{container}.{key}" for key in OF_THE_CONTAINER)}
    found = differences(without_token(web), without_token(task))
    expected = {path(line) for line in app.differences}
    return [line for line in found if path(line) not in always | expected]


def path(line: str) -> str:
    return line[2:].partition(" = ")[0].partition(": ")[0]


@pytest.mark.parametrize("app", [app for app in APPS if not app.not_run], ids=lambda app: app.name, indirect=True)
def test_a_task_runs_where_the_web_app_runs(app: App, operator: OperatorProcess, kubectl: Kubectl) -> None:
    assert ready_message(kubectl, app.name) == " ".join(["Tasks can be started.", *app.notes])
    name = create_task(kubectl, "shop.probes.shell", app.shell or "echo it runs", queue=app.name)
    status = wait_phase(kubectl, name, "Succeeded", "Failed", "Cancelled", seconds=SECONDS)
    assert status["phase"] == "Succeeded", json.dumps(status, indent=1)
    assert json.loads(status["result"]) == (app.prints or "it runs")
    selector = ",".join(f"{key}={value}" for key, value in app.deployment_selector["matchLabels"].items())
    pods = kubectl.get("pods", "-l", selector)["items"]
    assert name not in {pod["metadata"]["labels"].get("djangotasks.dev/task") for pod in pods}
    assert unexpected(app, pods[0], kubectl.get("pod", f"{name}-1")) == []
    kubectl("delete", "djangotask", name, "--wait=false")
