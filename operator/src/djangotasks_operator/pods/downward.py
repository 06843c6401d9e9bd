"""Keeps what the environment takes from labels and annotations of the pod, where a task's pod lacks them. Pure."""

import re
from collections.abc import Mapping

from djangotasks_operator.pods.fields import Manifest, containers, mapping, objects

FIELD = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


def escape(value: str) -> str:
    """Keep the kubelet from expanding $(NAME) in a variable's value; $$ is how it writes a dollar."""
    return value.replace("$", "$$")


def write_out(spec: Manifest, before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> None:
    """Replace references to labels and annotations that are left out by their values. Change the spec in place.

    `before`, `after`: the labels and the annotations, of the Deployment's pods and of the task's.
    """
    for path, container in containers(spec):
        for variable in objects(container, "env", f"{path}.env"):
            source = mapping(variable, "valueFrom", f"{path}.env")
            reference = mapping(source, "fieldRef", f"{path}.env").get("fieldPath")
            if (found := FIELD.fullmatch(str(reference))) is None:
                continue
            kind, key = found.groups()
            if key not in after[kind]:
                del variable["valueFrom"]
                variable["value"] = escape(before[kind].get(key, ""))
