"""A policy of the cluster denies the status of tasks for a while, as in a change freeze: nothing is lost, or run twice."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.tasks import GO, create_task, go, wait_phase
from tools.kubectl import StepFailed, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.operator import OperatorProcess
    from tools.kubectl import Kubectl

API = "admissionregistration.k8s.io/v1"
KIND = "ValidatingAdmissionPolicy"
PROBE = ("patch", "djangotask", "probe", "--subresource=status", "--type=merge", "--dry-run=server")
# More than a termination message holds: it arrives by a report or not at all.
LARGE = 20_000


@contextmanager
def denied(kubectl: Kubectl, resource: str) -> Iterator[None]:
    """Updates of the resource in this namespace alone."""
    name = f"freeze-{kubectl.namespace}"
    rule = {"apiGroups": ["djangotasks.dev"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": [resource]}
    here = {"matchLabels": {"kubernetes.io/metadata.name": kubectl.namespace}}
    policy = {
        "matchConstraints": {"namespaceSelector": here, "resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "change freeze"}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    create_task(kubectl, name="probe", queue="nowhere")
    try:
        kubectl.apply({"apiVersion": API, "kind": KIND, "metadata": {"name": name}, "spec": policy})
        kubectl.apply({"apiVersion": API, "kind": f"{KIND}Binding", "metadata": {"name": name}, "spec": binding})

        def in_force() -> bool | None:
            try:
                kubectl(*PROBE, "-p", '{"status":{"message":"x"}}')
            except StepFailed as error:
                return "change freeze" in str(error) or None
            return None

        wait_for("the policy is in force", in_force, seconds=60)
        yield
    finally:
        for kind in (f"{KIND}Binding", KIND):
            kubectl("delete", kind, name, "--ignore-not-found")


def test_statuses_are_denied_for_a_while(kubectl: Kubectl, operator: OperatorProcess, queue: str) -> None:
    large = create_task(kubectl, "shop.probes.return_bytes_when", LARGE, GO)
    small = create_task(kubectl, "shop.probes.wait_for_file", GO)
    beating = create_task(kubectl, "shop.probes.beat", 8, 4, policy={"heartbeatTimeoutSeconds": 12})
    for task in (large, small, beating):
        wait_phase(kubectl, task, "Running")
    with denied(kubectl, "djangotasks/status"):
        new = create_task(kubectl, "shop.probes.add", 1, 2)
        go(kubectl, f"{large}-1")
        go(kubectl, f"{small}-1")
        for task in (small, new, beating):
            kubectl("wait", f"pod/{task}-1", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s", seconds=130)
    for task in (large, small, beating, new):
        status = wait_phase(kubectl, task, "Succeeded", "Failed")
        assert (status["phase"], len(status["attempts"]), status["interruptions"]) == ("Succeeded", 1, 0), status
    assert "denied by ValidatingAdmissionPolicy 'freeze-" in operator.log()
