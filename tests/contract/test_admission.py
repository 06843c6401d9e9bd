"""Who may create tasks, and not delete them, has no other way to: the operator chart's admission policy at work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.server import task
from tests.support.charts import OPERATOR, WEB_APP, render
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, StepFailed, wait_for

WORD = "may only be changed by those who may delete djangotasks"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-0000-0000-000000000000"}
ODD = {"ownerReferences": [OWNER], "finalizers": ["example.com/stays"]}


@pytest.fixture(scope="module")
def web(cluster: Cluster, kubectl: Kubectl, namespace: str) -> Iterator[str]:
    """A web app's service account, in a namespace for which the policy is in force."""
    for manifest in render(WEB_APP, {}, "--namespace", namespace):
        kubectl.apply(manifest)
    manifests = render(OPERATOR, {"watchNamespaces": [namespace]}, "--namespace", namespace)
    policy = [manifest for manifest in manifests if manifest["kind"].startswith("ValidatingAdmissionPolicy")]
    kubectl.apply(*policy)
    account = f"system:serviceaccount:{namespace}:web"
    # The API server takes up a policy in its own time.
    wait_for("the policy in force", lambda: refused(kubectl, account, ODD) or None, seconds=240)
    yield account
    for manifest in policy:
        kubectl("delete", manifest["kind"], manifest["metadata"]["name"])


def create(
    kubectl: Kubectl, account: str | None, name: str, metadata: dict[str, Any], *options: str, **spec: Any
) -> None:
    body = task(name, **spec)
    body["metadata"] |= metadata
    me = [f"--as={account}"] if account else []
    kubectl("create", "-f", "-", *me, *options, stdin=json.dumps(body))


def refused(kubectl: Kubectl, account: str, metadata: dict[str, Any]) -> str:
    """Why the API server does not take such a task, or an empty text."""
    try:
        create(kubectl, account, "tried", metadata, "--dry-run=server")
    except StepFailed as error:
        return str(error)
    return ""


@pytest.mark.parametrize("field", ODD)
def test_a_web_app_cannot_create_a_task_that_others_delete_or_keep(kubectl: Kubectl, web: str, field: str) -> None:
    assert f"metadata.{field} {WORD}" in refused(kubectl, web, {field: ODD[field]})


@pytest.mark.parametrize("field", ODD)
def test_nor_change_one_so(kubectl: Kubectl, web: str, field: str) -> None:
    name = f"task-{field.lower()}"
    create(kubectl, web, name, {})
    change = json.dumps({"metadata": {field: ODD[field]}})
    with pytest.raises(StepFailed, match=WORD):
        kubectl("patch", "djangotask", name, "--type=merge", "-p", change, f"--as={web}")
    assert field not in kubectl.get("djangotask", name)["metadata"]


PARENT = {"name": "parent", "uid": "3f0c6c1e", "attempt": 1}
LABEL = {"labels": {"djangotasks.dev/enqueued-by": "parent"}}


def test_a_web_app_cannot_say_which_task_has_enqueued_one(kubectl: Kubectl, web: str) -> None:
    """The pod of that task may see and cancel it."""
    with pytest.raises(StepFailed, match=r"spec\.enqueuedBy is set by the operator alone: leave it out"):
        create(kubectl, web, "child", {}, "--dry-run=server", enqueuedBy=PARENT)
    assert "the label djangotasks.dev/enqueued-by is set by the operator alone" in refused(kubectl, web, LABEL)
    create(kubectl, web, "labelled", {})
    with pytest.raises(StepFailed, match="set by the operator alone"):
        kubectl("label", "djangotask", "labelled", "djangotasks.dev/enqueued-by=parent", f"--as={web}")


def test_a_web_app_cannot_say_that_a_task_takes_results_of_others(kubectl: Kubectl, web: str) -> None:
    part, inputs = {"name": "flow", "uid": "3f0c6c1e", "step": "sum"}, [{"into": "/args/0", "step": "extract"}]
    with pytest.raises(StepFailed, match=r"spec\.inputs is set by the operator alone"):
        create(kubectl, web, "flow-sum", {}, "--dry-run=server", workflow=part, inputs=inputs)
    create(kubectl, None, "flow-sum", {}, "--dry-run=server", workflow=part, inputs=inputs)


def test_a_web_app_cannot_say_that_a_task_is_that_of_a_step(kubectl: Kubectl, web: str) -> None:
    """Made before the operator makes it, or after it was deleted, its end and its result would be the step's. The
    function of a workflow, which has the same name, is for the web app to say."""
    part = {"name": "flow", "uid": "3f0c6c1e", "step": "pay"}
    with pytest.raises(StepFailed, match=r"spec\.workflow is set by the operator alone"):
        create(kubectl, web, "flow-pay", {}, "--dry-run=server", workflow=part)
    create(kubectl, None, "flow-pay", {}, "--dry-run=server", workflow=part)
    workflow = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskWorkflow",
        "metadata": {"name": "flow-of-a-web-app"},
        "spec": {"workflow": "shop.flows.monthly", "steps": [{"name": "first", "task": "shop.probes.add"}]},
    }
    kubectl("create", "-f", "-", "--dry-run=server", f"--as={web}", stdin=json.dumps(workflow))


@pytest.mark.parametrize("field", ["enqueuedBy", "returnedBy"])
def test_nor_which_task_has_enqueued_or_returned_a_workflow(kubectl: Kubectl, web: str, field: str) -> None:
    by = {"enqueuedBy": PARENT, "returnedBy": {"name": "parent", "uid": "3f0c6c1e", "depth": 1}}
    steps = [{"name": "first", "task": "shop.probes.add"}]
    workflow = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskWorkflow",
        "metadata": {"name": f"flow-{field.lower()}"},
        "spec": {"steps": steps, field: by[field]},
    }
    with pytest.raises(StepFailed, match=rf"spec\.{field} is set by the operator alone: leave it out"):
        kubectl("create", "-f", "-", "--dry-run=server", f"--as={web}", stdin=json.dumps(workflow))
    kubectl("create", "-f", "-", "--dry-run=server", stdin=json.dumps(workflow))


def test_a_web_app_cancels_what_a_task_has_enqueued(kubectl: Kubectl, web: str) -> None:
    create(kubectl, None, "enqueued", LABEL, enqueuedBy=PARENT)
    kubectl("patch", "djangotask", "enqueued", "--type=merge", "-p", '{"spec":{"cancel":true}}', f"--as={web}")
    assert kubectl.get("djangotask", "enqueued")["spec"]["enqueuedBy"] == PARENT


def test_what_a_web_app_does_every_day_passes(kubectl: Kubectl, web: str) -> None:
    """Also with a task that somebody else gave an owner and a finalizer."""
    create(kubectl, web, "plain", {"labels": {"team": "shop"}})
    owner = OWNER | {"kind": "Namespace", "uid": kubectl.get("namespace", kubectl.namespace)["metadata"]["uid"]}
    owner["name"] = kubectl.namespace
    create(kubectl, None, "owned", {"ownerReferences": [owner], "finalizers": ["example.com/stays"]})
    for name in ("plain", "owned"):
        kubectl("patch", "djangotask", name, "--type=merge", "-p", '{"spec":{"cancel":true}}', f"--as={web}")
    taken_off = '{"metadata":{"finalizers":null}}'
    with pytest.raises(StepFailed, match=WORD):
        kubectl("patch", "djangotask", "owned", "--type=merge", "-p", taken_off, f"--as={web}")
    kubectl("patch", "djangotask", "owned", "--type=merge", "-p", taken_off)


def test_who_may_delete_may_do_both(kubectl: Kubectl, web: str) -> None:
    create(kubectl, None, "of-an-administrator", ODD, "--dry-run=server")


def test_other_namespaces_are_not_concerned(cluster: Cluster, web: str) -> None:
    create(cluster.kubectl("default"), None, "elsewhere", ODD, "--dry-run=server")


def test_the_garbage_collector_works_on(kubectl: Kubectl, web: str) -> None:
    """What an administrator gave an owner that is gone, it deletes."""
    create(kubectl, None, "orphan", {"ownerReferences": [OWNER]})
    gone = ("get", "djangotask", "orphan", "--ignore-not-found", "-o", "name")
    wait_for("the orphan's deletion", lambda: None if kubectl(*gone) else True, seconds=240)


@pytest.fixture(scope="module")
def aggregated(kubectl: Kubectl, namespace: str) -> Iterator[None]:
    """The operator chart's additions to Kubernetes' own roles. A user called after each has it in the namespace."""
    manifests = render(OPERATOR, {"watchNamespaces": [namespace]}, "--namespace", namespace)
    roles = [manifest for manifest in manifests if manifest["kind"] == "ClusterRole"]
    kubectl.apply(*roles)
    for role in ("view", "edit", "admin"):
        kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}")
    yield
    for manifest in roles:
        kubectl("delete", "clusterrole", manifest["metadata"]["name"])


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
def test_kubernetes_own_roles(kubectl: Kubectl, aggregated: None, role: str) -> None:
    writes = {"view": "no"}.get(role, "yes")
    wanted = {
        "get djangotasks": "yes", "list djangotaskqueues": "yes", "watch djangotasks": "yes",
        "create djangotaskqueues": writes, "patch djangotasks": writes, "delete djangotasks": writes,
        "patch djangotasks --subresource=status": "no",
    }  # fmt: skip
    wait_for("the rights", lambda: can(kubectl, role, wanted) == wanted or None, seconds=240)


def test_an_admin_of_the_namespace_installs_the_web_apps_chart(
    cluster: Cluster, kubectl: Kubectl, aggregated: None, namespace: str
) -> None:
    can_grant = {"patch djangotasks": "yes", "create rolebindings": "yes"}
    wait_for("the rights", lambda: can(kubectl, "admin", can_grant) == can_grant or None, seconds=240)
    where = ("--namespace", namespace, "--kube-as-user", "admin")
    values = ("--set=serviceAccounts={web}", "--set=queues.default.podTemplateFrom.deployment=web")
    cluster.helm("install", "by-admin", str(WEB_APP), *where, *values)
    assert kubectl.get("djangotaskqueue", "default")["spec"]["podTemplateFrom"]["deployment"] == "web"
    cluster.helm("uninstall", "by-admin", *where)


def can(kubectl: Kubectl, user: str, questions: dict[str, str]) -> dict[str, str]:
    def answer(question: str) -> str:
        try:
            return kubectl("auth", "can-i", *question.split(), f"--as={user}").strip()
        except StepFailed as error:
            return str(error).rsplit("\n", 1)[-1].strip()

    return {question: answer(question) for question in questions}
