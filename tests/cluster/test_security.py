"""What SECURITY.md claims, tried for real: the web app's rights, a task's pod, and what a task cannot smuggle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.tasks.backends.base import BaseTaskBackend
from shop import probes

from tests.support.charts import WEB_APP
from tests.support.operator import OperatorProcess
from tests.support.rights import can_i, wait_granted
from tests.support.tasks import create_task, finish, scheduled_task, status_of, wait_phase
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, StepFailed
from tools.manifests import queue_manifest

ACCOUNT = "web"
MAY = [
    f"{verb} {kind}"
    for kind in ("djangotasks", "djangotaskworkflows")
    for verb in ("create", "get", "list", "watch", "patch")
]
MAY_NOT = [
    "delete djangotasks", "update djangotasks", "deletecollection djangotasks", "get djangotasks/status", "patch djangotasks/status",
    "update djangotasks/status", "get djangotaskqueues", "create djangotaskqueues", "patch djangotaskqueues",
    "patch djangotaskqueues/status", "get djangotaskholds", "create djangotaskholds", "delete djangotaskholds", "get djangotaskschedules",
    "delete djangotaskworkflows", "update djangotaskworkflows", "patch djangotaskworkflows/status",
    "create pods", "get pods", "list pods", "delete pods", "create pods/exec", "get pods/log", "create jobs", "get jobs", "patch jobs",
    "get secrets", "list secrets", "create secrets", "get configmaps", "patch deployments", "create serviceaccounts/token",
    "create rolebindings", "escalate roles", "bind roles", "impersonate serviceaccounts", "create events", "get nodes",
]  # fmt: skip


@pytest.fixture(scope="module")
def account(cluster: Cluster, namespace: str, kubectl: Kubectl) -> Iterator[str]:
    """A web app's service account, with the rights that the chart for web apps gives it."""
    kubectl("create", "serviceaccount", ACCOUNT)
    cluster.helm("install", "rights", str(WEB_APP), "--namespace", namespace, "--set", f"serviceAccounts={{{ACCOUNT}}}")
    account = f"system:serviceaccount:{namespace}:{ACCOUNT}"
    wait_granted(kubectl, account, *MAY[0].split())
    yield account
    cluster.helm("uninstall", "rights", "--namespace", namespace)


@pytest.mark.parametrize(("what", "answer"), [(what, True) for what in MAY] + [(what, False) for what in MAY_NOT])
def test_what_a_web_app_may_do(kubectl: Kubectl, account: str, what: str, answer: bool) -> None:
    verb, resource = what.split()
    assert can_i(kubectl, account, verb, resource) is answer


# With all of the chart's admin.*, and an account of its own.
ADMIN_MAY = [
    "get djangotaskqueues", "list djangotaskqueues", "delete djangotasks", "get pods/log",
    *(f"{verb} {kind}" for kind in ("djangotaskholds", "djangotaskschedules") for verb in ("get", "list", "create", "patch", "delete")),
]  # fmt: skip
ADMIN_MAY_NOT = [
    "create djangotaskqueues", "patch djangotaskqueues", "update djangotaskqueues", "delete djangotaskqueues",
    "patch djangotaskqueues/status", "update djangotaskholds", "deletecollection djangotasks", "patch djangotasks/status",
    "create pods", "get pods", "create pods/exec", "create jobs", "list events", "get secrets", "list pods/log", "create rolebindings",
]  # fmt: skip


@pytest.fixture(scope="module")
def admin(cluster: Cluster, namespace: str, kubectl: Kubectl) -> Iterator[str]:
    """The account of a Django admin of its own, with all that the chart can give it."""
    kubectl("create", "serviceaccount", "backoffice")
    rights = ",".join(f"admin.{name}=true" for name in ("queues", "holds", "schedules", "delete", "logs"))
    accounts = ("--set", f"serviceAccounts={{{ACCOUNT}}}", "--set", "admin.serviceAccounts={backoffice}")
    cluster.helm("install", "office", str(WEB_APP), "--namespace", namespace, *accounts, "--set", rights)
    account = f"system:serviceaccount:{namespace}:backoffice"
    wait_granted(kubectl, account, *ADMIN_MAY[0].split())
    yield account
    cluster.helm("uninstall", "office", "--namespace", namespace)


@pytest.mark.parametrize(
    ("what", "answer"), [(what, True) for what in ADMIN_MAY] + [(what, False) for what in ADMIN_MAY_NOT]
)
def test_what_an_admin_may_do(kubectl: Kubectl, admin: str, what: str, answer: bool) -> None:
    verb, resource = what.split()
    assert can_i(kubectl, admin, verb, resource) is answer


@pytest.mark.parametrize("what", MAY)
def test_it_may_do_nothing_elsewhere(cluster: Cluster, account: str, what: str) -> None:
    verb, resource = what.split()
    assert not can_i(cluster.kubectl("default"), account, verb, resource)
    assert not can_i(cluster.kubectl("default"), account, verb, resource, "--all-namespaces")


def test_it_tries(backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl, account: str) -> None:
    """The answers of the API server are what it does."""
    me = f"--as={account}"
    manifest = json.dumps(scheduled_task("shop.probes.sleep", 600, name="tried"))
    kubectl("create", "-f", "-", me, stdin=manifest)
    kubectl("get", "djangotask", "tried", me)
    refused: list[tuple[Kubectl, tuple[str, ...]]] = [
        (kubectl, ("delete", "djangotask", "tried")),
        (kubectl, ("patch", "djangotask", "tried", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Succeeded"}}')),
        (kubectl, ("patch", "djangotaskqueue", "default", "--type=merge", "-p", '{"spec":{"concurrency":1}}')),
        (kubectl, ("get", "secrets")),
        (kubectl, ("run", "own", "--image=evil")),
        (kubectl, ("create", "token", "default")),
        (cluster.kubectl("default"), ("get", "djangotasks")),
        (cluster.kubectl("kube-system"), ("get", "secrets")),
    ]  # fmt: skip
    for where, command in refused:
        with pytest.raises(StepFailed, match=r"(?i)forbidden"):
            where(*command, me)
    # A status that comes with a patch of the rest is not written.
    kubectl("patch", "djangotask", "tried", me, "--type=merge", "-p", '{"status":{"phase":"Succeeded","result":"1"}}')
    assert status_of(kubectl, "tried")["phase"] != "Succeeded"
    kubectl("patch", "djangotask", "tried", me, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    wait_phase(kubectl, "tried", "Cancelled")


def test_an_owner_reference_is_no_way_to_delete(backend: BaseTaskBackend, kubectl: Kubectl, account: str) -> None:
    """A task that claims to belong to something makes nothing belong to it."""
    manifest = scheduled_task("shop.probes.add", 1, 2, name="owned")
    deployment = {"apiVersion": "v1", "kind": "ConfigMap", "name": "kube-root-ca.crt", "uid": kubectl.get("configmap", "kube-root-ca.crt")["metadata"]["uid"]}  # fmt: skip
    manifest["metadata"]["ownerReferences"] = [deployment]
    kubectl("create", "-f", "-", f"--as={account}", stdin=json.dumps(manifest))
    wait_phase(kubectl, "owned", "Succeeded")
    assert kubectl.get("configmap", "kube-root-ca.crt")["metadata"]["uid"] == deployment["uid"]


LOOK = """
import json, os, socket, ssl, urllib.request, urllib.error
found = {"token": os.path.exists("/var/run/secrets/kubernetes.io"), "uid": os.getuid()}
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
found |= {"capabilities": int(status["CapEff"], 16), "new": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip()}
server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
for name, path in PATHS.items():
    try:
        urllib.request.urlopen(server + path, context=ssl._create_unverified_context(), timeout=10)
        found[name] = 200
    except urllib.error.HTTPError as error:
        found[name] = error.code
    except OSError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


def test_a_tasks_pod_has_no_power(backend: BaseTaskBackend, kubectl: Kubectl, namespace: str) -> None:
    result = probes.sleep.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    tasks = f"/apis/djangotasks.dev/v1alpha1/namespaces/{namespace}/djangotasks"
    paths = {"tasks": tasks, "own": f"{tasks}/{result.id}", "secrets": f"/api/v1/namespaces/{namespace}/secrets", "pods": "/api/v1/pods"}  # fmt: skip
    pod = f"{result.id}-1"
    found = json.loads(kubectl("exec", pod, "--", "python", "-c", f"PATHS = {paths!r}\n{LOOK}"))
    assert found.pop("uid") != 0
    assert (found.pop("token"), found.pop("capabilities"), found.pop("new"), found.pop("seccomp")) == (
        False,
        0,
        "1",
        "2",
    )
    # Without credentials everybody is anonymous, and may see nothing.
    assert set(found.values()) <= {401, 403}, found
    spec = kubectl.get("pod", pod)["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    kubectl("delete", "djangotask", result.id, "--wait=false")


SMUGGLED: dict[str, Any] = {
    "image": "evil:1",
    "serviceAccountName": "admin",
    "template": {"spec": {"containers": [{"name": "task", "image": "evil:1"}]}},
    "podTemplateFrom": {"deployment": "other"},
    "container": "other",
    "command": ["sh", "-c", "id"],
    "env": [{"name": "EVIL", "value": "1"}],
    "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
    "nodeName": "node1",
}


def test_nothing_is_smuggled_past_the_queue(backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl) -> None:
    """Not by fields that a pod has and a task has not, nor by labels, annotations, a payload or a backend's name."""
    hostile = '"}],"image":"evil:1","x":[{"$(KUBERNETES_SERVICE_HOST)":"{{ .Values }} $$(id) `id` \u001b[31m<script>'
    plain, loaded = (
        scheduled_task("shop.probes.echo", "x", name="plain"),
        scheduled_task("shop.probes.echo", hostile, name="loaded"),
    )
    loaded["spec"] |= SMUGGLED | {"backend": "default"}
    loaded["metadata"]["labels"] = {
        "djangotasks.dev/queue": "other",
        "pod-security.kubernetes.io/enforce": "privileged",
    }
    loaded["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "evil", "image": "evil:1"}
    with pytest.raises(StepFailed, match="unknown field"):
        kubectl("create", "-f", "-", "--validate=strict", stdin=json.dumps(loaded))
    kubectl("create", "-f", "-", "--validate=false", stdin=json.dumps(loaded))
    kubectl.apply(plain)
    pods = []
    for name in ("plain", "loaded"):
        wait_phase(kubectl, name, "Succeeded")
        pods.append(kubectl.get("pod", f"{name}-1"))
    assert json.loads(status_of(kubectl, "loaded")["result"])["args"] == [hostile]
    specs = [pod["spec"] for pod in pods]
    for spec in specs:
        container = spec["containers"][0]
        names = [variable["name"] for variable in container.pop("env")]
        assert names == ["DJANGO_SECRET_KEY", "DJANGOTASKS_ASSIGNMENT", "DJANGOTASKS_PAYLOAD", "DJANGOTASKS_TOKEN"]
        assert (container["image"], len(spec["containers"])) == (cluster.image(Target.EXAMPLE), 1)
    assert specs[0] == specs[1]
    assert pods[1]["metadata"]["labels"]["djangotasks.dev/queue"] == "default"
    assert pods[0]["metadata"]["annotations"].keys() == pods[1]["metadata"]["annotations"].keys()


HOSTILE = {
    "newlines": "line\nERROR forged line\r\nother",
    "ansi": "\x1b[2J\x1b[31mred\x07",
    "html": "<script>alert(1)</script>",
    "templates": "{{ 7*7 }} {% load x %} ${7*7} #{7*7} %s %(name)s {0}",
    "shell": "$(touch /tmp/x) `id` ; rm -rf / | cat && x",
    "prototype": '{"__proto__": {"admin": true}, "constructor": 1}',
    "path": "../../../../etc/passwd",
    "kubelet": "$(DJANGOTASKS_TOKEN) $$(HOME)",
    "unicode": "\u202e\u2028\ufeff\u0000 名前 🎉",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_string_is_only_a_string(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess, text: str
) -> None:
    """As an argument, as a name, as a result, in an exception: it comes back as it was, and is in no line of the log."""
    before = len(operator.log())
    result = finish(probes.echo.enqueue(text, **{"__proto__": text, text.replace("\0", ""): 1}))
    assert result.return_value["args"] == [text]
    assert result.return_value["kwargs"]["__proto__"] == text
    failed = finish(probes.fail.enqueue(text))
    assert failed.errors[0].exception_class is probes.CardDeclined
    said = operator.log()[before:]
    assert result.id in said
    assert text not in said
    assert "forged line" not in said
    assert "\x1b" not in said
    assert operator.running


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("field", ["task", "queue"])
def test_a_hostile_string_is_no_name(kubectl: Kubectl, field: str, text: str) -> None:
    with pytest.raises(StepFailed, match=rf"spec\.{field}"):
        create_task(kubectl, **{"task": "shop.probes.add", field: text})


def test_an_alias_may_be_any_string_and_is_looked_up_only(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess
) -> None:
    name = create_task(kubectl, "shop.probes.add", 1, 2, backend=" ".join(HOSTILE.values())[:253])
    wait_phase(kubectl, name, "Succeeded", "Failed")
    log = operator.log() + kubectl("logs", f"{name}-1")
    assert "forged line" not in [line[-11:] for line in log.splitlines()]
    assert "\x1b" not in log
    assert operator.running


def test_a_queue_in_another_namespace_is_out_of_reach(
    backend: BaseTaskBackend, cluster: Cluster, kubectl: Kubectl
) -> None:
    elsewhere = cluster.new_namespace()
    cluster.kubectl(elsewhere).apply(queue_manifest("rich", cluster.image(Target.EXAMPLE)))
    name = create_task(kubectl, "shop.probes.add", 1, 2, queue="rich")
    assert wait_phase(kubectl, name, "Queued").get("result") is None
    with pytest.raises(StepFailed, match=r"spec\.queue"):
        create_task(kubectl, "shop.probes.add", 1, 2, queue=f"{elsewhere}/rich")
    cluster.delete_namespace(elsewhere)
