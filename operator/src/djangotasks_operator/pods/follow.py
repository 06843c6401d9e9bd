"""What a task's pod takes from the Deployment that its queue follows. Pure.

It takes all that the web app runs with, and leaves out what belongs to a server: what it listens on, how it is kept
alive, how its replicas are spread, and how Services and scrapers find it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from djangotasks_api.models import PodTemplateFrom
from djangotasks_api.names import GROUP
from djangotasks_operator.pods.downward import names_its_revision, refuse_resources_of, write_out
from djangotasks_operator.pods.fields import InvalidTemplate, Manifest, mapping, objects, texts, variables_files
from djangotasks_operator.pods.init_containers import is_sidecar, needed_inits
from djangotasks_operator.pods.placement import leave_spreading, refuse_labels_that_repel
from djangotasks_operator.pods.rollout import HASH_LABEL
from djangotasks_operator.pods.selectors import matches

# Of the task's container and the plain ones beside it: nothing is served, and what has ended is not started again.
# (Native sidecars keep theirs: the task's container waits for their startup probes.)
SERVING = ("ports", "livenessProbe", "readinessProbe", "startupProbe")
# By these annotations agents find servers to ask for metrics, DNS and networks give a web pod the names and addresses
# at which it is called, and autoscalers learn that it may be moved.
SERVERS_ANNOTATIONS = re.compile(
    r"(prometheus\.io|(k8s|profiles)\.grafana\.com|pyroscope\.io|metrics\.dynatrace\.com)/.*"
    r"|co\.elastic\.(metrics|monitor)/.*"
    r"|ad\.datadoghq\.com/.*\.(checks|check_names|init_configs|instances)"
    r"|external-dns\.alpha\.kubernetes\.io/.*"
    r"|cni\.projectcalico\.org/(ipAddrs|ipAddrsNoIpam|floatingIPs|hwAddr)"
    r"|ipam\.antrea\.io/pod-ips"
    r"|ovn\.kubernetes\.io/(ip_address|ip_pool|mac_address)"
    r"|cluster-autoscaler\.kubernetes\.io/safe-to-evict(-local-volumes)?"
    r"|descheduler\.alpha\.kubernetes\.io/evict"
)
# Nobody ever sets this condition.
NEVER_READY = f"{GROUP}/serves-requests"
# The API server refuses it for a container that is not there.
APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


class Followed(NamedTuple):
    """A task's labels and annotations, and what a person should know of how its pod differs from the Deployment's."""

    labels: dict[str, str]
    annotations: dict[str, str]
    notes: tuple[str, ...]


def follow(
    template: Manifest, container: Manifest, source: PodTemplateFrom, selector: Mapping[str, Any] | None, namespace: str
) -> Followed:
    """Change the spec of a Deployment's pod template in place to that of a task's pod.

    `container`: the one that runs the task. `selector`: the Deployment's own.
    """
    spec = template["spec"]
    metadata = mapping(template, "metadata", "metadata")
    labels = texts(metadata, "labels", "metadata.labels")
    annotations = texts(metadata, "annotations", "metadata.annotations")
    left_out = _leave_containers(spec, container, source)
    refuse_resources_of(spec, left_out)
    _stop_serving(spec, container)
    carried = {key: value for key, value in labels.items() if key in source.copy_labels} | source.metadata.labels
    refuse_labels_that_repel(spec, labels, carried, namespace)
    leave_spreading(spec, labels, namespace)
    if not spec.get("hostname"):
        # Of a task's name, an id, it would be longer than the 64 characters of a host name: the pod would never start.
        spec.pop("setHostnameAsFQDN", None)

    if carried and matches(selector, carried):
        raise InvalidTemplate(
            "podTemplateFrom: with these copyLabels and metadata.labels the Deployment's own selector matches the "
            "tasks' pods, and its Services would send them requests; leave one of its labels out"
        )
    if carried:
        # A Service may select by fewer labels than the Deployment does, and sends requests to pods that are ready.
        spec["readinessGates"] = [{"conditionType": NEVER_READY}]
    gone = {f"{APPARMOR_ANNOTATION}{name}" for name in left_out}
    kept = {
        key: value for key, value in annotations.items() if key not in gone and not SERVERS_ANNOTATIONS.fullmatch(key)
    } | source.metadata.annotations
    write_out(spec, {"labels": labels, "annotations": annotations}, {"labels": carried, "annotations": kept})
    return Followed(carried, kept, tuple(_notes(spec, left_out)))


def _leave_containers(spec: Manifest, main: Manifest, source: PodTemplateFrom) -> list[str]:
    """Leave out sidecars that are not wanted, init containers that are not needed, and the volumes and devices that
    only these have. Return their names."""
    plain = objects(spec, "containers", "spec.containers")
    inits = objects(spec, "initContainers", "spec.initContainers")
    sidecars = {_name(each) for each in plain if each is not main} | {_name(each) for each in inits if is_sidecar(each)}
    kept = {_name(main)} | _chosen("sidecars", source.sidecars, sidecars)
    if source.init_containers is None:
        kept |= needed_inits(spec, kept)
    else:
        kept |= _chosen("initContainers", source.init_containers, {_name(each) for each in inits} - sidecars)
    left = [each for each in (*inits, *plain) if _name(each) not in kept]
    spec["containers"] = [each for each in plain if _name(each) in kept]
    spec["initContainers"] = [each for each in inits if _name(each) in kept]
    for key, used_by in (("volumes", _mounted), ("resourceClaims", _claimed)):
        only_theirs = used_by(left) - used_by((*spec["initContainers"], *spec["containers"]))
        if only_theirs:
            spec[key] = [each for each in objects(spec, key, f"spec.{key}") if _name(each) not in only_theirs]
    return [_name(each) for each in left]


def _chosen(field: str, names: Collection[str] | None, there: set[str]) -> set[str]:
    """Return all of them where the queue names none."""
    if names is None:
        return there
    for name in names:
        if name not in there:
            has = ", ".join(sorted(there)) or "none"
            raise InvalidTemplate(f"podTemplateFrom.{field}: the Deployment's pods have no {name!r}; they have: {has}")
    return set(names)


def _stop_serving(spec: Manifest, main: Manifest) -> None:
    main.pop("lifecycle", None)
    for container in spec["containers"]:
        for key in SERVING:
            container.pop(key, None)
    for container in spec["initContainers"]:
        for port in objects(container, "ports", "ports"):
            # Two pods with the same one do not fit on a node.
            port.pop("hostPort", None)
            port.pop("hostIP", None)
    for container in (*spec["initContainers"], *spec["containers"]):
        # With the pod's restartPolicy, Never, the API server refuses one that restarts.
        container.pop("resizePolicy", None)
    spec.pop("readinessGates", None)


def _notes(spec: Manifest, left_out: list[str]) -> Iterable[str]:
    if left_out:
        names = ", ".join(left_out)
        yield f"Without these containers of the Deployment's pods: {names}."
    if (path := names_its_revision(spec)) is not None:
        yield f"Empty in tasks: {path}, as their pods have no label {HASH_LABEL}."
    for volume in objects(spec, "volumes", "spec.volumes"):
        if claim := mapping(volume, "persistentVolumeClaim", "spec.volumes").get("claimName"):
            yield f"The claim {claim!r} must be ReadWriteMany, unless tasks run on the node of the Deployment's pods."
        if volume.get("ephemeral") is not None:
            yield (
                f"Each task's pod has a claim of its own for the volume {_name(volume)!r}, and keeps it until the pod "
                "is deleted: see podTtlSecondsAfterFinished."
            )


def _mounted(containers: Iterable[Manifest]) -> set[str]:
    """Return the names of the volumes that containers mount, have as devices, or take their environment from."""
    found = set()
    for container in containers:
        found |= {_name(mount) for key in ("volumeMounts", "volumeDevices") for mount in objects(container, key, key)}
        found |= {str(file.get("volumeName")) for file in variables_files(container)}
    return found


def _claimed(containers: Iterable[Manifest]) -> set[str]:
    """Return the names of the pod's resource claims that containers use: of devices, such as a GPU."""
    resources = (mapping(container, "resources", "resources") for container in containers)
    return {_name(claim) for each in resources for claim in objects(each, "claims", "resources.claims")}


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name"))
