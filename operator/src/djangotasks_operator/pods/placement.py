"""Leaves out of a Deployment's pod how its replicas lie to each other. Pure.

A web server's replicas are spread over nodes and zones. A task's pod is none of them, and with such a rule it would
find no node at all where each has a replica.
"""

from collections.abc import Mapping

from djangotasks_operator.pods.fields import InvalidTemplate, Manifest, mapping, objects, values
from djangotasks_operator.pods.selectors import matches

# How replicas are spread, and the group that they are scheduled with: all or none. (Its name before and after
# Kubernetes 1.36.)
OF_A_GROUP = ("topologySpreadConstraints", "workloadRef", "schedulingGroup")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def refuse_labels_that_repel(
    spec: Manifest, labels: Mapping[str, str], carried: Mapping[str, str], namespace: str
) -> None:
    """Raise InvalidTemplate where the Deployment's pods may be on no node with a pod of such labels. The scheduler goes
    by that rule both ways: tasks would keep web pods, and web pods tasks, from the nodes that they are on.

    `labels`: of the Deployment's pods. `carried`: of the task's.
    """
    affinity = mapping(spec, "affinity", "spec.affinity")
    path = f"spec.affinity.podAntiAffinity.{REQUIRED}"
    for term in objects(mapping(affinity, "podAntiAffinity", "spec.affinity.podAntiAffinity"), REQUIRED, path):
        # Of these keys a pod must have the value that the Deployment's have, such as that of a revision.
        keys = values(term, "matchLabelKeys", f"{path}.matchLabelKeys")
        same = all(key in carried and carried[key] == labels.get(key) for key in keys)
        by_labels = _is_of_replicas(term, carried, namespace) and not _is_of_replicas(term, {}, namespace)
        if same and by_labels:
            raise InvalidTemplate(
                "podTemplateFrom: with these copyLabels and metadata.labels the Deployment's own podAntiAffinity keeps "
                "its pods from nodes that tasks are on, and tasks from those of its pods; leave out a label that it "
                "selects by"
            )


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
