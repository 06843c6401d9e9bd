"""Leaves out of a Deployment's pod how its replicas lie to each other. Pure.

A web server's replicas are spread over nodes and zones. A task's pod is none of them, and with such a rule it would
find no node at all where each has a replica.
"""

from collections.abc import Mapping

from djangotasks_operator.pods.fields import Manifest, mapping, objects
from djangotasks_operator.pods.selectors import matches

# How replicas are spread, and the group that they are scheduled with: all or none. (Its name before and after
# Kubernetes 1.36.)
OF_A_GROUP = ("topologySpreadConstraints", "workloadRef", "schedulingGroup")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def leave_spreading(spec: Manifest, labels: Mapping[str, str], namespace: str) -> None:
    """Change the pod's spec in place. `labels`, `namespace`: of the Deployment's pods.

    A rule about other pods stays, such as a node that a database runs on.
    """
    for key in OF_A_GROUP:
        spec.pop(key, None)
    affinity = mapping(spec, "affinity", "spec.affinity")
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = mapping(affinity, kind, f"spec.affinity.{kind}")
        for when in (REQUIRED, PREFERRED):
            terms = objects(rules, when, f"spec.affinity.{kind}.{when}")
            rules[when] = [
                term for term in terms if not _is_of_replicas(term.get("podAffinityTerm") or term, labels, namespace)
            ]
            if not rules[when]:
                del rules[when]
        if not rules:
            affinity.pop(kind, None)
    if not affinity:
        spec.pop("affinity", None)


def _is_of_replicas(term: Manifest, labels: Mapping[str, str], namespace: str) -> bool:
    """Say whether a term selects the Deployment's own pods."""
    elsewhere = bool(term.get("namespaces")) and namespace not in term["namespaces"]
    if elsewhere and term.get("namespaceSelector") is None:
        return False
    return matches(term.get("labelSelector"), labels)
