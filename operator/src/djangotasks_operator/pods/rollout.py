"""Which revision of a Deployment tasks run: the newest one that has a pod that is ready. Pure.

Until then its own web app does not run it either: its image may be one that cannot be pulled, or crashes. And the code
that enqueues is that of the revisions before.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
# The Deployment controller adds it to the pods of each revision.
HASH_LABEL = "pod-template-hash"


class Revision(NamedTuple):
    """The pod template of a revision. `notes`: sentences for the administrator, where it is not the newest one."""

    template: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def has_one_revision(deployment: Mapping[str, Any]) -> bool:
    """Say whether all pods of the Deployment are of its newest revision, or on their way: there is no other to run."""
    status = deployment.get("status") or {}
    seen = status.get("observedGeneration", 0) >= (deployment.get("metadata") or {}).get("generation", 0)
    return bool(seen and status.get("replicas", 0) == status.get("updatedReplicas", 0))


def running_revision(deployment: Mapping[str, Any], replica_sets: Iterable[Mapping[str, Any]]) -> Revision:
    """Choose the newest revision that has a ready pod; where none has, the newest one. `replica_sets`: those that the
    Deployment's selector matches, of which some may be another's."""
    newest = Revision(deployment["spec"]["template"])
    ready = [found for found in replica_sets if _is_ready(found) and _is_of(found, deployment)]
    if not ready:
        return newest
    last = max(ready, key=_number)
    template = last["spec"]["template"]
    if _plain(template) == _plain(newest.template):
        return newest
    note = (
        f"Tasks run revision {_number(last)} of the Deployment: no pod of the newest one is ready, "
        "see kubectl rollout status."
    )
    return Revision(_plain(template), (note,))


def _is_ready(replica_set: Mapping[str, Any]) -> bool:
    return bool((replica_set.get("status") or {}).get("readyReplicas", 0) > 0)


def _is_of(replica_set: Mapping[str, Any], deployment: Mapping[str, Any]) -> bool:
    owners = replica_set["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == deployment["metadata"].get("uid") for owner in owners)


def _number(replica_set: Mapping[str, Any]) -> int:
    text = (replica_set["metadata"].get("annotations") or {}).get(REVISION_ANNOTATION, "")
    # Anybody who may edit ReplicaSets may write it.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _plain(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """The template without what the Deployment controller adds."""
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}
