"""The defaults of the restricted Pod Security Standard, which believe a template that says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.pods.security import restrict

SECCOMP = {"seccompProfile": {"type": "RuntimeDefault"}}
POD = {"runAsNonRoot": True} | SECCOMP
DROP = {"capabilities": {"drop": ["ALL"]}}
CONTAINER = {"allowPrivilegeEscalation": False} | DROP
ROOT = {"runAsUser": 0, "runAsNonRoot": False}
NET = {"capabilities": {"add": ["NET_BIND_SERVICE"]}}
ADMIN = {"capabilities": {"add": ["SYS_ADMIN"]}}

# The pod's context and a container's, before and after.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "silent": ({}, {}, POD, CONTAINER),
    "null": (dict.fromkeys(POD), dict.fromkeys(CONTAINER), POD, CONTAINER),
    "a user": ({"runAsUser": 1000}, {}, POD | {"runAsUser": 1000}, CONTAINER),
    "capabilities of its own": ({}, NET, POD, {"allowPrivilegeEscalation": False} | NET),
    # The API server refuses it together with allowPrivilegeEscalation: false.
    "an administrator's capability": ({}, ADMIN, POD, ADMIN),
    "privileged": ({}, {"privileged": True}, POD, {"privileged": True, "runAsNonRoot": False}),
    # Root that is said keeps what root needs, such as CHOWN.
    "a container as root": ({}, {"runAsUser": 0}, POD, ROOT),
    "a container that may be root": ({}, {"runAsNonRoot": False}, POD, {"runAsNonRoot": False}),
    "a pod as root": ({"runAsUser": 0}, {}, {"runAsUser": 0} | SECCOMP, {}),
    "a pod that may be root": ({"runAsNonRoot": False}, {}, {"runAsNonRoot": False} | SECCOMP, {}),
    "a user in a pod as root": (
        {"runAsUser": 0}, {"runAsUser": 7}, {"runAsUser": 0} | SECCOMP, {"runAsUser": 7} | CONTAINER,
    ),
    # Said by the template itself: the kubelet will refuse it, and that is the template's own word.
    "root in a pod that forbids it": ({"runAsNonRoot": True}, {"runAsUser": 0}, POD, {"runAsUser": 0}),
}  # fmt: skip


@pytest.mark.parametrize(("pod", "container", "pod_after", "container_after"), CASES.values(), ids=CASES.keys())
def test_security_defaults_are_filled_in(
    pod: dict[str, Any], container: dict[str, Any], pod_after: dict[str, Any], container_after: dict[str, Any]
) -> None:
    spec: dict[str, Any] = {
        "securityContext": dict(pod),
        "initContainers": [{"name": "i", "securityContext": dict(container)}],
        "containers": [{"name": "c", "securityContext": dict(container)}],
    }
    restrict(spec)
    after = {"pod": spec["securityContext"]} | {
        kind: spec[kind][0]["securityContext"] for kind in ("initContainers", "containers")
    }
    assert after == {"pod": pod_after, "initContainers": container_after, "containers": container_after}
