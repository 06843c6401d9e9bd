"""Reads the parts of a pod template that the operator changes. Pure.

A queue's own template is stored unchecked, so each part may be null, which counts as absent, or of any type, which is
an InvalidTemplate that names the field. What is not read here is the API server's to judge.
"""

from typing import Any

Manifest = dict[str, Any]

# A template of this key alone was left out of the cache, and why.
LEFT_OUT = "djangotasks.dev/left-out"
# Twice as deep as the deepest field of a pod. Without a limit a template could exhaust the interpreter's stack.
MAX_DEPTH = 32


class InvalidTemplate(ValueError):
    """The queue's pod template cannot run a task. The message says why, and names the field."""


def copy(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Copy what was parsed from JSON."""
    if depth == 0:
        raise InvalidTemplate(f"the pod template is nested more than {MAX_DEPTH} levels deep")
    match value:
        case dict():
            return {key: copy(part, depth - 1) for key, part in value.items()}
        case list():
            return [copy(part, depth - 1) for part in value]
        case _:
            return value


def mapping(parent: Manifest, key: str, path: str) -> Manifest:
    """Return the object under `key`: an empty one where there is none, which is not part of `parent`."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidTemplate(f"{path} must be an object")
    return value


def values(parent: Manifest, key: str, path: str) -> list[Any]:
    """Return the list under `key`: an empty one where there is none, which is not part of `parent`."""
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidTemplate(f"{path} must be a list")
    return value


def objects(parent: Manifest, key: str, path: str) -> list[Manifest]:
    """Return the list of objects under `key`, as `values` does."""
    found = values(parent, key, path)
    if not all(isinstance(entry, dict) for entry in found):
        raise InvalidTemplate(f"every entry of {path} must be an object")
    return found


def texts(parent: Manifest, key: str, path: str) -> dict[str, str]:
    """Return a copy of the labels, or of the annotations, under `key`."""
    found = {name: value for name, value in mapping(parent, key, path).items() if value is not None}
    for name, value in found.items():
        if not isinstance(value, str):
            raise InvalidTemplate(f"{path}.{name} must be a string")
    return found


def containers(spec: Manifest) -> list[tuple[str, Manifest]]:
    """Return each container with its path, init containers first."""
    paths = ("initContainers", "containers")
    return [
        (f"spec.{key}[{index}]", container)
        for key in paths
        for index, container in enumerate(objects(spec, key, f"spec.{key}"))
    ]


def variables_files(container: Manifest) -> list[Manifest]:
    """Return where the container's environment comes from files of volumes, which it need not mount (fileKeyRef)."""
    sources = (mapping(variable, "valueFrom", "env") for variable in objects(container, "env", "env"))
    return [found for source in sources if (found := mapping(source, "fileKeyRef", "env"))]
