"""What changed in a namespace, seen by resource versions: each write that changes an object moves its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djangotasks_operator.telemetry.event_recorder import COMPONENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.kubectl import Kubectl

Versions = dict[str, str]
# What the operator writes, but for Events.
OBJECTS = ("djangotasks", "jobs", "pods")


def versions(kubectl: Kubectl, kinds: Sequence[str] = OBJECTS, *options: str) -> Versions:
    """By kind and name. Of Pods the uid: their status is the nodes' to write. `options`: of kubectl get."""
    columns = "custom-columns=K:.kind,N:.metadata.name,V:.metadata.resourceVersion,U:.metadata.uid"
    listed = kubectl("get", ",".join(kinds), "--no-headers", "-o", columns, *options, seconds=300)
    rows = [line.split() for line in listed.splitlines()]
    return {f"{kind}/{name}": uid if kind == "Pod" else version for kind, name, version, uid in rows}


def operators_events(kubectl: Kubectl) -> Versions:
    """Those that the operator has written, of however many others there are."""
    return versions(kubectl, ("events",), f"--field-selector=reportingComponent={COMPONENT}")


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """What is new, gone or another than it was."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
