"""The operator as users run it: from its chart and image, in a namespace of its own, for one other namespace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.tasks import task_backends
from django.tasks.backends.base import BaseTaskBackend
from django.test import override_settings
from django.utils import timezone
from shop import probes

from tests.support.installation import CHART, NAME, RELEASE, Installation
from tests.support.tasks import GO, finish, go, status_of, wait_gone, wait_phase
from tools.cluster import ROOT, Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, StepFailed
from tools.manifests import queue_manifest

# In the operator's container: who it is, and what it could write.
LOOK = """
import json, os
def can_write(folder):
    try:
        open(folder + "/x", "w").close()
    except OSError as error:
        return error.strerror
    return True
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
where = {folder: can_write(folder) for folder in ("/", "/etc", "/usr/local/lib", "/etc/djangotasks", "/tmp")}
print(json.dumps({"uid": os.getuid(), "new": status["NoNewPrivs"], "capabilities": int(status["CapEff"], 16)} | where))
"""
Right = tuple[str, str, str, str]  # API group, resource, verb, name or ""


@pytest.fixture(scope="module")
def installation(cluster: Cluster, namespace: str) -> Iterator[Installation]:
    own = cluster.new_namespace()
    installation = Installation(cluster, cluster.kubectl(own), namespace)
    installation.upgrade()
    yield installation
    installation.uninstall("--ignore-not-found")
    cluster.delete_namespace(own)


@pytest.fixture(scope="module")
def backend(cluster: Cluster, installation: Installation, queue: str) -> Iterator[BaseTaskBackend]:
    """Django in this process, with the installed operator at work."""
    options = {"NAMESPACE": installation.watched, "KUBECONFIG": str(cluster.kubeconfig)}
    kubernetes = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}
    with override_settings(TASKS={"default": kubernetes}):
        yield task_backends["default"]


def test_the_first_task_succeeds(backend: BaseTaskBackend, installation: Installation, kubectl: Kubectl) -> None:
    """And its outcome came by the Service: nothing else would be so quick, or bring a large result."""
    small, large = probes.add.enqueue(1, 2), probes.return_bytes.enqueue(100_000)
    assert finish(small).return_value == 3
    assert len(finish(large).return_value) == 100_000
    assert [len(status_of(kubectl, id_)["attempts"]) for id_ in (small.id, large.id)] == [1, 1]
    assert installation.outcomes_taken() == 2


def test_the_operator_has_no_power_over_its_node(installation: Installation) -> None:
    """Its namespace enforces the restricted Pod Security Standard, or it would not be there at all."""
    found = json.loads(installation.kubectl("exec", f"deployment/{NAME}", "--", "python", "-c", LOOK))
    assert found.pop("uid") != 0
    assert found.pop("new").strip() == "1"
    assert found.pop("capabilities") == 0
    assert found.pop("/tmp") is True
    assert set(found.values()) <= {"Read-only file system", "Permission denied"}, found
    (spec, *_) = [pod["spec"] for pod in installation.kubectl.get("pods")["items"]]
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()


WATCHED = {
    ("djangotasks.dev", "djangotasks"): "create get list watch patch delete",
    ("djangotasks.dev", "djangotasks/status"): "patch",
    ("djangotasks.dev", "djangotaskworkflows"): "create get list watch patch delete",
    ("djangotasks.dev", "djangotaskworkflows/status"): "patch",
    ("djangotasks.dev", "djangotaskqueues"): "list watch",
    ("djangotasks.dev", "djangotaskqueues/status"): "patch",
    ("djangotasks.dev", "djangotaskholds"): "get list watch delete",
    ("djangotasks.dev", "djangotaskschedules"): "get list watch",
    ("djangotasks.dev", "djangotaskschedules/status"): "patch",
    ("batch", "jobs"): "create get list watch",
    ("batch", "jobs/status"): "patch",
    ("", "pods"): "create get list watch patch delete",
    ("", "pods/log"): "get",
    ("", "events"): "create list patch",
    ("apps", "deployments"): "get",
    ("apps", "replicasets"): "list",
}
OWN = {
    ("", "services", NAME): "get",
    ("coordination.k8s.io", "leases", NAME): "get update",
    ("coordination.k8s.io", "leases", ""): "create",
}


def rights(kubectl: Kubectl, account: str) -> set[Right]:
    """All that a service account may do in the namespace, as the API server has it."""
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    body = json.dumps(review | {"spec": {"namespace": kubectl.namespace}})
    found = json.loads(kubectl("create", "--validate=false", "-f", "-", "-o", "json", f"--as={account}", stdin=body))
    return {
        (group, resource, verb, name)
        for rule in found["status"]["resourceRules"]
        for group in rule.get("apiGroups", [""])
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


@pytest.fixture
def account(installation: Installation) -> str:
    return f"system:serviceaccount:{installation.kubectl.namespace}:{NAME}"


def test_its_rights_are_these_and_no_others(installation: Installation, kubectl: Kubectl, account: str) -> None:
    everybody = rights(installation.kubectl, account.replace(NAME, "default"))
    watched = {(group, kind, verb, "") for (group, kind), verbs in WATCHED.items() for verb in verbs.split()}
    assert rights(kubectl, account) - everybody == watched
    own = {(group, kind, verb, name) for (group, kind, name), verbs in OWN.items() for verb in verbs.split()}
    assert rights(installation.kubectl, account) - everybody == own
    assert rights(installation.cluster.kubectl("default"), account) == everybody


FORBIDDEN = [
    "get secrets", "list secrets", "create secrets", "delete jobs", "patch jobs",
    "update djangotasks", "update djangotaskworkflows", "patch djangotaskqueues", "patch djangotaskschedules", "create djangotaskschedules", "create djangotaskqueues", "create djangotaskholds", "patch djangotaskholds", "update pods",
    "create pods --subresource=exec", "create serviceaccounts --subresource=token", "create rolebindings", "list deployments",
    "patch deployments", "delete leases", "impersonate serviceaccounts",
]  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_it_may_not(kubectl: Kubectl, account: str, what: str) -> None:
    with pytest.raises(StepFailed, match=r"ended with 1:\s*no"):
        kubectl("auth", "can-i", *what.split(), f"--as={account}")


def test_it_cannot_change_what_a_task_is(backend: BaseTaskBackend, kubectl: Kubectl, account: str) -> None:
    result = probes.add.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(1, 2)
    for change in ('{"spec":{"task":"os.system"}}', '{"spec":{"queue":"other"}}'):
        with pytest.raises(StepFailed, match="cannot be changed"):
            kubectl("patch", "djangotask", result.id, "--type=merge", "-p", change, f"--as={account}")
    cancel = ("djangotask", result.id, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    kubectl("patch", *cancel, f"--as={account}")
    wait_phase(kubectl, result.id, "Cancelled")


def test_an_upgrade_keeps_the_key_and_the_tasks_that_run(
    backend: BaseTaskBackend, installation: Installation, kubectl: Kubectl
) -> None:
    key, pods = installation.keys(), installation.pods()
    result = probes.wait_for_file.enqueue(GO)
    wait_phase(kubectl, result.id, "Running")
    installation.upgrade({"logFormat": "json"})
    for pod in pods:
        wait_gone(installation.kubectl, "pod", pod)
    assert installation.keys() == key
    # The token that the task's pod has is still good.
    go(kubectl, f"{result.id}-1")
    assert finish(result).return_value == GO
    assert len(status_of(kubectl, result.id)["attempts"]) == 1


def test_uninstalling_loses_nothing(
    backend: BaseTaskBackend, cluster: Cluster, installation: Installation, kubectl: Kubectl
) -> None:
    """With tasks in flight. All goes on where it was when the operator is installed again, with a new key."""
    env = [{"name": "DJANGO_SECRET_KEY", "value": "x"}, {"name": "DJANGOTASKS_REPORT_SECONDS", "value": "1"}]
    kubectl.apply(queue_manifest("brief", cluster.image(Target.EXAMPLE), container_update={"env": env}))
    ended, running = probes.wait_for_file.using(queue_name="brief").enqueue(GO), probes.sleep.enqueue(600)
    for name in (ended.id, running.id):
        wait_phase(kubectl, name, "Running")
    finished = finish(probes.add.enqueue(1, 2))
    installation.uninstall("--wait")
    waiting = probes.add.enqueue(3, 4)
    for plural in ("djangotasks", "djangotaskqueues", "djangotaskschedules", "djangotaskholds"):
        kubectl("wait", "--for=condition=Established", f"crd/{plural}.djangotasks.dev", "--timeout=60s")
    assert rights(kubectl, f"system:serviceaccount:{installation.kubectl.namespace}:{NAME}") == rights(
        kubectl, "system:serviceaccount:default:default"
    )
    assert status_of(kubectl, finished.id)["phase"] == "Succeeded"
    go(kubectl, f"{ended.id}-1")
    terminated = "jsonpath={.status.containerStatuses[0].state.terminated}"
    kubectl("wait", f"--for={terminated}", f"pod/{ended.id}-1", "--timeout=240s", seconds=250)
    # Nothing but the operator is needed to delete a task with all that belongs to it.
    kubectl("delete", "djangotask", running.id, "--timeout=60s")
    wait_gone(kubectl, "pod", f"{running.id}-1")
    assert (status_of(kubectl, ended.id)["phase"], status_of(kubectl, waiting.id)["phase"]) == ("Running", "Queued")

    installation.upgrade()
    assert finish(ended).return_value == GO
    assert finish(waiting).return_value == 7
    for name in (ended.id, waiting.id):
        assert len(status_of(kubectl, name)["attempts"]) == 1
        kubectl("wait", "--for=condition=Complete", f"job/{name}-1", "--timeout=240s", seconds=250)


def test_the_charts_crds_are_those_of_the_tree(cluster: Cluster, kubectl: Kubectl) -> None:
    """The API server would take them, and helm keeps them when the release goes."""
    shown = ("--set=watchAllNamespaces=true", "--show-only", "templates/crds.yaml")
    text = cluster.helm("template", RELEASE, str(CHART), *shown)
    rendered: dict[str, Any] = {crd["metadata"]["name"]: crd for crd in yaml.safe_load_all(text)}
    for path in (ROOT / "crds").glob("*.yaml"):
        wanted = yaml.safe_load(path.read_text())
        found = rendered.pop(wanted["metadata"]["name"])
        kept = {"helm.sh/resource-policy": "keep", "argocd.argoproj.io/sync-options": "Prune=false"}
        assert found["metadata"].pop("annotations") == kept
        assert found == wanted
    assert not rendered
    kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", stdin=text)


def test_no_defect_was_logged(installation: Installation) -> None:
    logs = [installation.kubectl("logs", pod) for pod in installation.pods()]
    assert len(logs) == 2
    assert all("reports are accepted at" in log and "a defect" not in log for log in logs)
