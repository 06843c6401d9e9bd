"""Fills in the restricted Pod Security Standard where a pod template is silent. Pure."""

from typing import Any

from djangotasks_operator.pods.fields import Manifest, containers, mapping, values


def restrict(spec: Manifest) -> None:
    """Change the pod's spec in place. A container that says that it is root or privileged is believed in all that
    follows from it: the namespace's own enforcement is what holds."""
    pod = spec["securityContext"] = mapping(spec, "securityContext", "spec.securityContext")
    _fill(pod, "seccompProfile", {"type": "RuntimeDefault"})
    root = _is_root(pod)
    filled = not root and _fill(pod, "runAsNonRoot", True)
    for path, container in containers(spec):
        context = container["securityContext"] = mapping(container, "securityContext", f"{path}.securityContext")
        silent = context.get("runAsUser") is None and context.get("runAsNonRoot") is None
        if _is_root(context) or (root and silent):
            if filled:
                # What is filled in for the pod holds for each container that does not say otherwise.
                _fill(context, "runAsNonRoot", False)
            continue
        capabilities = mapping(context, "capabilities", f"{path}.securityContext.capabilities")
        added = values(capabilities, "add", f"{path}.securityContext.capabilities.add")
        # The API server refuses the two together.
        if "SYS_ADMIN" not in added and "CAP_SYS_ADMIN" not in added:
            _fill(context, "allowPrivilegeEscalation", False)
        _fill(context, "capabilities", {"drop": ["ALL"]})


def _is_root(context: Manifest) -> bool:
    return context.get("runAsUser") == 0 or context.get("runAsNonRoot") is False or context.get("privileged") is True


def _fill(context: Manifest, key: str, value: Any) -> bool:
    """Set what is absent or null. Return whether it was."""
    absent = context.get(key) is None
    if absent:
        context[key] = value
    return absent
