"""A queue that follows a Deployment: who finds its pods, what they are refused for, and how they end."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tasks import FINISH_SECONDS, assert_stopped, create_task, wait_phase
from tests.zoo import App
from tools.cluster import Target
from tools.kubectl import StepFailed, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.operator import OperatorProcess
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

LABELS = {"app": "web", "component": "server", "team": "shop"}
SELECTOR = {"app": "web", "component": "server"}
RESTRICTED: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "web",
            "command": ["python", "-m", "http.server", "8000"],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
RUNNER = ["python", "-m", "django_tasks_kubernetes.runner"]
# What an image's entrypoint does, in place of a file: it prepares the environment, and hands over.
ENTRYPOINT = ["sh", "-c", 'export PREPARED=yes && exec "$@"', "--"]


@pytest.fixture(scope="module")
def web(cluster: Cluster, kubectl: Kubectl, operator: OperatorProcess) -> str:
    """The name of a Deployment that is available, in a namespace that enforces the restricted standard."""
    app = App(name="web", about="", selector=SELECTOR, template={"metadata": {"labels": LABELS}, "spec": RESTRICTED})
    kubectl.apply(app.deployment(cluster.image(Target.EXAMPLE)))
    kubectl.roll_out("web", seconds=300)
    return "web"


def follow(kubectl: Kubectl, name: str, source: dict[str, Any] | None = None, **spec: Any) -> str:
    kubectl.apply(
        {
            "apiVersion": "djangotasks.dev/v1alpha1",
            "kind": "DjangoTaskQueue",
            "metadata": {"name": name},
            "spec": {"podTemplateFrom": {"deployment": "web"} | (source or {})} | spec,
        }
    )
    return name


def wait_ready(kubectl: Kubectl, name: str, status: str) -> str:
    """Returns the condition's reason and message."""
    found: dict[str, Any] = {}

    def look() -> str | None:
        conditions = kubectl.get("djangotaskqueue", name).get("status", {}).get("conditions", ())
        found.update(next((c for c in conditions if c["type"] == "Ready"), {}))
        return f"{found['reason']}: {found['message']}" if found.get("status") == status else None

    return wait_for(f"queue {name}: Ready={status}", look, seconds=FINISH_SECONDS, why=lambda: json.dumps(found))


def test_services_and_budgets_do_not_count_tasks(web: str, kubectl: Kubectl) -> None:
    """With one label of the two that they select by, and all others. Nor does a Service that selects by that one
    alone."""
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
         "spec": {"selector": SELECTOR, "ports": [{"port": 8000}]}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "wide"},
         "spec": {"selector": {"app": "web"}, "ports": [{"port": 8000}]}},
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
         "spec": {"maxUnavailable": 1, "selector": {"matchLabels": SELECTOR}}},
    )  # fmt: skip
    queue = follow(kubectl, "found", {"copyLabels": ["app", "team"], "metadata": {"labels": {"owner": "me"}}})
    name = create_task(kubectl, "shop.probes.sleep", 600, queue=queue)
    wait_phase(kubectl, name, "Running")
    labels = kubectl.get("pod", f"{name}-1")["metadata"]["labels"]
    assert {"app": "web", "team": "shop", "owner": "me", "djangotasks.dev/queue": queue}.items() <= labels.items()

    def endpoints(service: str) -> dict[str, bool]:
        """The pods of a Service, and whether it sends them requests."""
        slices = kubectl.get("endpointslices", "-l", f"kubernetes.io/service-name={service}")["items"]
        found = [each for one in slices for each in one.get("endpoints") or ()]
        return {each["targetRef"]["name"]: each["conditions"]["ready"] for each in found}

    (serving,) = wait_for("the Service has endpoints", lambda: endpoints("web") or None, seconds=FINISH_SECONDS)
    assert serving != f"{name}-1"
    both = {serving: True, f"{name}-1": False}
    wait_for(
        "the other one finds the task, and sends it nothing",
        lambda: endpoints("wide") == both or None,
        seconds=FINISH_SECONDS,
    )

    def expected() -> bool | None:
        return kubectl.get("poddisruptionbudget", "web").get("status", {}).get("expectedPods") == 1 or None

    wait_for("the budget counts the web app's pod alone", expected, seconds=FINISH_SECONDS)
    kubectl("delete", "djangotask", name, "--wait=false")


def test_a_policy_that_requires_a_label(web: str, kubectl: Kubectl) -> None:
    policy = f"team-{kubectl.namespace}"
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "teamless"},
        "spec": deepcopy(RESTRICTED),
    }
    pod["spec"]["containers"][0]["image"] = "shop"
    where = {"matchLabels": {"kubernetes.io/metadata.name": kubectl.namespace}}
    kubectl.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": policy},
            "spec": {
                "matchConstraints": {
                    "resourceRules": [
                        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
                    ]
                },
                "validations": [
                    {"expression": "has(object.metadata.labels) && 'team' in object.metadata.labels",
                     "message": "a pod must name its team"}
                ],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": policy},
            "spec": {
                "policyName": policy,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": where},
            },
        },
    )  # fmt: skip
    try:

        def enforced() -> bool | None:
            try:
                kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
            except StepFailed as error:
                return True if "name its team" in str(error) else None
            return None

        wait_for("the policy holds", enforced, seconds=FINISH_SECONDS)
        assert "a pod must name its team" in wait_ready(kubectl, follow(kubectl, "teamless"), "False")
        queue = follow(kubectl, "of-a-team", {"copyLabels": ["team"]})
        wait_ready(kubectl, queue, "True")
        wait_phase(kubectl, create_task(kubectl, "shop.probes.add", 1, 2, queue=queue), "Succeeded")
    finally:
        kubectl("delete", "validatingadmissionpolicybinding", policy)
        kubectl("delete", "validatingadmissionpolicy", policy)


CANNOT: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "selected": ({"copyLabels": ["app", "component"]}, {}, "podTemplateFrom: with these copyLabels"),
    "no-container": ({}, {"container": "worker"}, "container: the pod template has no container 'worker'"),
    "no-init": ({"initContainers": ["render"]}, {}, "podTemplateFrom.initContainers: the Deployment's pods have no"),
    "no-sidecar": ({"sidecars": ["proxy"]}, {}, "podTemplateFrom.sidecars: the Deployment's pods have no 'proxy'"),
}


@pytest.mark.parametrize("what", CANNOT)
def test_what_cannot_work_is_said_before_a_task_comes(web: str, kubectl: Kubectl, what: str) -> None:
    source, spec, words = CANNOT[what]
    message = wait_ready(kubectl, follow(kubectl, what, source, **spec), "False")
    assert message.startswith("InvalidTemplate: ")
    assert words in message


@pytest.fixture
def rolled_out(cluster: Cluster, kubectl: Kubectl) -> Iterator[str]:
    """A Deployment of its own."""
    labels = {"app": "rolled"}
    app = App(name="rolled", about="", template={"metadata": {"labels": labels}, "spec": RESTRICTED})
    kubectl.apply(app.deployment(cluster.image(Target.EXAMPLE)))
    kubectl.roll_out("rolled", seconds=300)
    yield "rolled"
    kubectl("delete", "deployment", "rolled", "--wait=false")


def test_tasks_outlive_a_rollout_that_fails(rolled_out: str, cluster: Cluster, kubectl: Kubectl) -> None:
    """As the web app does: its pods of before go on."""
    queue = follow(kubectl, "rolled", {"deployment": rolled_out})
    image = cluster.image(Target.EXAMPLE)
    kubectl("set", "image", "deployment/rolled", "web=registry.invalid/shop:9")

    def under_way() -> bool | None:
        found = kubectl.get("replicasets", "-l", "app=rolled")["items"]
        return any(one["spec"]["replicas"] and not one["status"].get("readyReplicas") for one in found) or None

    wait_for("the rollout is under way", under_way, seconds=FINISH_SECONDS)
    status = wait_phase(kubectl, create_task(kubectl, "shop.probes.add", 1, 2, queue=queue), "Succeeded", "Failed")
    assert (status["phase"], status["attempts"][0]["image"]) == ("Succeeded", image)
    kubectl("patch", "djangotaskqueue", queue, "--type=merge", "-p", '{"spec":{"weight":2}}')

    def noted() -> bool | None:
        condition = kubectl.get("djangotaskqueue", queue)["status"]["conditions"][0]
        return True if "Tasks run revision 1 of the Deployment" in condition["message"] else None

    wait_for("the queue says which revision runs", noted, seconds=FINISH_SECONDS)


def test_an_entrypoint_prepares_the_task_and_passes_sigterm_on(web: str, kubectl: Kubectl) -> None:
    queue = follow(kubectl, "entered", command=[*ENTRYPOINT, *RUNNER], policy={"gracePeriodSeconds": 300})
    prepared = create_task(kubectl, "shop.probes.shell", "printenv PREPARED", queue=queue)
    assert json.loads(wait_phase(kubectl, prepared, "Succeeded")["result"]) == "yes"
    name = create_task(kubectl, "shop.probes.sleep", 600, queue=queue)
    wait_phase(kubectl, name, "Running")
    kubectl("patch", "djangotask", name, "--type=merge", "-p", '{"spec":{"cancel":true}}')

    def stopped() -> bool | None:
        try:
            assert_stopped(kubectl, f"{name}-1")
        except AssertionError:
            return None
        return True

    wait_for("SIGTERM has ended the task", stopped, seconds=FINISH_SECONDS)
    wait_phase(kubectl, name, "Cancelled")


@pytest.fixture
def unreachable(cluster: Cluster, kubectl: Kubectl, web: str) -> Iterator[str]:
    """A queue whose pods have a place of their own for last words."""
    container = RESTRICTED["containers"][0] | {"terminationMessagePath": "/tmp/last-words"}
    app = App(
        name="last-words",
        about="",
        template={"metadata": {"labels": {"app": "last-words"}}, "spec": RESTRICTED | {"containers": [container]}},
    )
    kubectl.apply(app.deployment(cluster.image(Target.EXAMPLE)))
    yield follow(kubectl, "last-words", {"deployment": "last-words"}, command=["sh", "-c", UNREACHABLE, "--", *RUNNER])
    kubectl("delete", "deployment", "last-words", "--wait=false")


# The runner without the address to report to: what it writes at its end is all there is.
UNREACHABLE = """export DJANGOTASKS_REPORT_SECONDS=1
export DJANGOTASKS_ASSIGNMENT="$(echo "$DJANGOTASKS_ASSIGNMENT" | sed 's#"url":"[^"]*"#"url":"http://127.0.0.1:9"#')"
exec "$@"
"""


def test_an_outcome_is_read_from_the_termination_message(unreachable: str, kubectl: Kubectl) -> None:
    """Wherever the Deployment's container has its own: the operator reads at one place, and the runner writes there."""
    name = create_task(kubectl, "shop.probes.add", 1, 2, queue=unreachable)
    status = wait_phase(kubectl, name, "Succeeded", "Failed")
    assert (status["phase"], status.get("result")) == ("Succeeded", "3"), status
