"""Keeps what the environment takes from labels and annotations of the pod, where a task's pod lacks them, and refuses
what it takes from containers that are left out. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping

from djangotasks_api.names import ATTEMPT_LABEL, TASK_LABEL, TASK_UID_LABEL
from djangotasks_operator.pods.fields import InvalidTemplate, Manifest, containers, mapping, objects
from djangotasks_operator.pods.rollout import HASH_LABEL

# Labels that a pod has with its task. Those of batch are the API server's, with the names of before as well.
TASK_LABELS = frozenset(
    {TASK_LABEL, TASK_UID_LABEL, ATTEMPT_LABEL}
    | {f"{prefix}{name}" for prefix in ("", "batch.kubernetes.io/") for name in ("job-name", "controller-uid")}
)
FIELD = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


def escape(value: str) -> str:
    """Keep the kubelet from expanding $(NAME) in a variable's value; $$ is how it writes a dollar."""
    return value.replace("$", "$$")


def write_out(spec: Manifest, before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> None:
    """Replace references to labels and annotations that are left out by their values. Change the spec in place. What
    the Deployment's template does not have either, a webhook or the operator may yet give to the pod.

    `before`, `after`: the labels and the annotations, of the Deployment's pods and of the task's.
    """
    for path, container in containers(spec):
        for variable in objects(container, "env", f"{path}.env"):
            source = mapping(variable, "valueFrom", f"{path}.env")
            reference = mapping(source, "fieldRef", f"{path}.env").get("fieldPath")
            if (found := FIELD.fullmatch(str(reference))) is None:
                continue
            kind, key = found.groups()
            if key in before[kind] and key not in after[kind]:
                del variable["valueFrom"]
                variable["value"] = escape(before[kind][key])


def names_its_revision(spec: Manifest) -> str | None:
    """Where a pod reads the label of its ReplicaSet, which is empty in a task's: in a variable or a file."""
    return next((path for path, label in _labels_read(spec) if label == HASH_LABEL), None)


def label_of_task(spec: Manifest) -> str | None:
    """A label of its task that a pod reads when it starts, in a variable or in a file: it is empty in one that is
    started before there is a task."""
    return next((label for _, label in _labels_read(spec) if label in TASK_LABELS), None)


def check_references(spec: Manifest) -> None:
    """Raise InvalidTemplate where variables or volumes have a shape in which no reference can be read. The API server
    takes no such pod."""
    for _ in _references(spec, "fieldRef", "resourceFieldRef"):
        pass


def refuse_resources_of(spec: Manifest, left_out: Collection[str]) -> None:
    """Raise InvalidTemplate where a variable or a file has a limit or a request of a container that is left out. The
    API server takes such a pod, and its kubelet starts no container of it."""
    for path, reference in _references(spec, "resourceFieldRef"):
        if (name := reference.get("containerName")) in left_out:
            raise InvalidTemplate(
                f"{path}: its resourceFieldRef names the container {name!r}, which tasks' pods leave out; keep that "
                "with podTemplateFrom.sidecars or initContainers, or take the value from another container"
            )


def _labels_read(spec: Manifest) -> Iterator[tuple[str, str]]:
    """The labels that variables and files have, with where that is."""
    for path, reference in _references(spec, "fieldRef"):
        found = FIELD.fullmatch(str(reference.get("fieldPath")))
        if found is not None and found[1] == "labels":
            yield path, found[2]


def _references(spec: Manifest, *kinds: str) -> Iterator[tuple[str, Manifest]]:
    """The references of these kinds, with where they are, in variables and files."""
    for path, container in containers(spec):
        for variable in objects(container, "env", f"{path}.env"):
            where = f"{path}.env ({variable.get('name')})"
            source = mapping(variable, "valueFrom", f"{where}.valueFrom")
            for kind in kinds:
                yield where, mapping(source, kind, f"{where}.valueFrom.{kind}")
    for volume in objects(spec, "volumes", "spec.volumes"):
        path = f"spec.volumes ({volume.get('name')})"
        projected = objects(mapping(volume, "projected", f"{path}.projected"), "sources", f"{path}.projected.sources")
        for source in (volume, *projected):
            downward = mapping(source, "downwardAPI", f"{path}.downwardAPI")
            for file in objects(downward, "items", f"{path}.downwardAPI.items"):
                for kind in kinds:
                    yield path, mapping(file, kind, f"{path}.downwardAPI.items.{kind}")
