"""An injector that logs in with the service account's token refuses a pod without it, as Vault's does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from djangotasks_api.models import QueueSpec
from djangotasks_operator.pods.template import pod_template
from tools.kubectl import Kubectl, StepFailed, wait_for

ANNOTATION = "vault.hashicorp.com/agent-inject"
WORDS = "no service account token to log in with"
WEB: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}, "annotations": {ANNOTATION: "true"}},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "web",
                "image": "shop:1",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def injector(kubectl: Kubectl, namespace: str) -> Iterator[None]:
    """What the webhook of an injector looks for."""
    name = f"injector-{namespace}"
    mounts = "object.spec.containers.exists(c, has(c.volumeMounts) && c.volumeMounts.exists(m, m.mountPath == path))"
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    condition = f"'{ANNOTATION}' in object.metadata.annotations"
    spec = {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ],
        },
        "matchConditions": [{"name": "asks-for-it", "expression": f"has(object.metadata.annotations) && {condition}"}],
        "validations": [{"expression": mounts.replace("path)", f"'{path}')"), "message": WORDS}],
    }
    kubectl.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": spec,
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        },
    )
    wait_for("the policy in force", lambda: refusal(kubectl, mount=False) or None, seconds=240)
    yield
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        kubectl("delete", kind, name)


def refusal(kubectl: Kubectl, *, mount: bool) -> str:
    """What the API server says against a task's pod of a queue that follows the Deployment, or an empty text."""
    source = {"deployment": "web", "automountServiceAccountToken": mount}
    made = pod_template(WEB, QueueSpec.model_validate({"podTemplateFrom": source}))
    pod = {"apiVersion": "v1", "kind": "Pod", **made.manifest}
    pod["metadata"] = {**pod["metadata"], "name": "a-1"}
    try:
        kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    except StepFailed as error:
        return str(error)
    return ""


def test_a_queue_that_mounts_the_token_satisfies_it(kubectl: Kubectl, injector: None) -> None:
    assert WORDS in refusal(kubectl, mount=False)
    assert not refusal(kubectl, mount=True)
