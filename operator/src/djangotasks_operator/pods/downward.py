"""Keeps what the environment takes from labels and annotations of the pod, where a task's pod lacks them, and refuses
what it takes from containers that are left out. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping

from djangotasks_operator.pods.fields import InvalidTemplate, Manifest, containers, mapping, objects

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


def refuse_resources_of(spec: Manifest, left_out: Collection[str]) -> None:
    """Raise InvalidTemplate where a variable or a file has a limit or a request of a container that is left out. The
    API server takes such a pod, and its kubelet starts no container of it."""
    for path, reference in _resource_references(spec):
        if (name := reference.get("containerName")) in left_out:
            raise InvalidTemplate(
                f"{path}: its resourceFieldRef names the container {name!r}, which tasks' pods leave out; keep that "
                "with podTemplateFrom.sidecars or initContainers, or take the value from another container"
            )


def _resource_references(spec: Manifest) -> Iterator[tuple[str, Manifest]]:
    for path, container in containers(spec):
        for variable in objects(container, "env", f"{path}.env"):
            source = mapping(variable, "valueFrom", f"{path}.env")
            yield f"{path}.env ({variable.get('name')})", mapping(source, "resourceFieldRef", f"{path}.env")
    for volume in objects(spec, "volumes", "spec.volumes"):
        path = f"spec.volumes ({volume.get('name')})"
        projected = objects(mapping(volume, "projected", path), "sources", path)
        for source in (volume, *projected):
            for file in objects(mapping(source, "downwardAPI", path), "items", path):
                yield path, mapping(file, "resourceFieldRef", path)
