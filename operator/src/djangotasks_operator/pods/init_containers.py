"""Which of a Deployment's init containers run before a task. Pure.

One that fills a volume is needed: a configuration that is rendered, a model that is fetched, an owner that is set. So
is one that may set up the pod's network: that of a mesh, or of a VPN. Any other works for the web server: it migrates
the database, or waits for it.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

from djangotasks_operator.pods.fields import Manifest, mapping, objects, values, variables_files

# Where programs put what they need for the moment: nobody finds there what another has prepared. Of any folder with
# such a name: what is read-only but for a few has, for instance, /app/tmp, in its init containers as well.
SCRATCH = re.compile(r"/run|/var/run|/var/cache|/dev/shm|(/.*)?/(tmp|log|logs|pids|sockets)")
# Kinds of volumes that nobody has filled before.
NEW = ("emptyDir", "ephemeral", "hostPath")
# With this capability a process changes routes and filters.
NETWORK = frozenset({"NET_ADMIN", "CAP_NET_ADMIN"})


class _Mount(NamedTuple):
    volume: str
    sub_path: tuple[str, ...]

    def overlaps(self, other: "_Mount") -> bool:
        same = all(one == two for one, two in zip(self.sub_path, other.sub_path, strict=False))
        return self.volume == other.volume and same


def is_sidecar(init_container: Manifest) -> bool:
    """Say whether it is a native sidecar, which runs beside the containers rather than before them."""
    return bool(init_container.get("restartPolicy") == "Always")


def needed_inits(spec: Manifest, running: Collection[str]) -> set[str]:
    """Return the names of those that set up the network, and of those that fill a volume for a container that runs, or
    for another one of these.

    `running`: the names of the containers and sidecars of the task's pod.
    """
    volumes = _new_volumes(spec)
    inits = objects(spec, "initContainers", "spec.initContainers")
    containers = [*inits, *objects(spec, "containers", "spec.containers")]
    wanted = [mount for each in containers if each.get("name") in running for mount in _reads(each, volumes)]
    # Without the proxy that it leads to, a network that was set up leads nowhere.
    beside = [each for each in containers if each not in inits or is_sidecar(each)]
    complete = all(each.get("name") in running for each in beside)
    found = set()
    for container in reversed(inits):
        if is_sidecar(container):
            continue
        fills = any(mount.overlaps(other) for mount in _writes(container, volumes) for other in wanted)
        if fills or (complete and _sets_up_the_network(container)):
            found.add(str(container.get("name")))
            wanted += _reads(container, volumes)
    return found


def _sets_up_the_network(container: Manifest) -> bool:
    context = mapping(container, "securityContext", "securityContext")
    added = values(mapping(context, "capabilities", "capabilities"), "add", "capabilities.add")
    return any(capability in NETWORK for capability in added)


def _new_volumes(spec: Manifest) -> set[str]:
    """Return the names of the volumes that are made, empty, for each pod, or are of its node: the task's may be one
    that no web pod has come to."""
    volumes = objects(spec, "volumes", "spec.volumes")
    return {str(volume.get("name")) for volume in volumes if any(kind in volume for kind in NEW)}


def _reads(container: Manifest, volumes: set[str]) -> list[_Mount]:
    mounts = [_mount(mount) for mount in _mounts(container, volumes) if not SCRATCH.fullmatch(_path(mount))]
    return mounts + [
        _part(file.get("volumeName"), file.get("path"))
        for file in variables_files(container)
        if file.get("volumeName") in volumes
    ]


def _writes(container: Manifest, volumes: set[str]) -> list[_Mount]:
    return [_mount(mount) for mount in _mounts(container, volumes) if not mount.get("readOnly")]


def _mounts(container: Manifest, volumes: set[str]) -> list[Manifest]:
    mounts = objects(container, "volumeMounts", "volumeMounts")
    return [mount for mount in mounts if mount.get("name") in volumes]


def _mount(mount: Manifest) -> _Mount:
    return _part(mount.get("name"), mount.get("subPath"))


def _part(volume: object, path: object) -> _Mount:
    text = str(path or "").strip("/")
    return _Mount(str(volume), tuple(text.split("/")) if text else ())


def _path(mount: Manifest) -> str:
    return str(mount.get("mountPath")).rstrip("/")
