"""What a pod finds no room for, by what the scheduler or a quota says of it. Pure."""

import re

from djangotasks_operator.pods.fields import Manifest, containers, mapping

# In the place of a resource's name: any pod may be in the way.
ANY = ""
# The scheduler's own answer for each node where it would help nothing to delete other pods: the pod does not select it,
# or does not tolerate its taint, or the node is too small for it even without any pod.
NO_POD_IS_IN_THE_WAY = re.compile(
    r"preemption: 0/(\d+) nodes are available: \1 Preemption is not helpful for scheduling\b"
)
# What it looks for before it comes to nodes.
NO_CLAIM = re.compile(
    r"nodes are available: (persistentvolumeclaim .* not found|pod has unbound immediate PersistentVolumeClaims)"
)
OF_NODES = re.compile(r"nodes are available: (.*?)\.?(?= preemption:| no new claims|$)")
# What is wrong with so many nodes that no pod is to blame for.
NOT_OF_PODS = re.compile(r"\d+ node\(s\) (didn't match Pod's node affinity|had untolerated taint|were unschedulable)")
# Of a device, which has the domain of its vendor; those without one, such as cpu, are every pod's.
DEVICE = re.compile(r"\d+ Insufficient (\S+/\S+)")
OF_QUOTA = re.compile(r"exceeded quota: .*?, requested: (.+?), used: ")
DEVICE_OF_QUOTA = re.compile(r"requests\.(\S+/\S+)=.*")


def lacking(message: str) -> frozenset[str]:
    """The devices, such as nvidia.com/gpu, that a pod without a node waits for, or ANY. Empty where it finds none
    whatever pods go. `message`: of its condition PodScheduled."""
    if NO_POD_IS_IN_THE_WAY.search(message) or NO_CLAIM.search(message):
        return frozenset()
    found = OF_NODES.search(message)
    reasons = [] if found is None else re.split(r", (?=\d)", found[1])
    return _devices([reason for reason in reasons if not NOT_OF_PODS.match(reason)], DEVICE)


def lacking_of_quota(message: str) -> frozenset[str]:
    """The same of a pod that a quota has no room for. `message`: the API server's."""
    found = OF_QUOTA.search(message)
    return _devices([] if found is None else found[1].split(","), DEVICE_OF_QUOTA)


def devices(spec: Manifest) -> frozenset[str]:
    """The devices that a pod has."""
    found = set[str]()
    for path, container in containers(spec):
        resources = mapping(container, "resources", path)
        for kind in ("requests", "limits"):
            found |= {name for name in mapping(resources, kind, path) if "/" in name}
    return frozenset(found)


def _devices(texts: list[str], pattern: re.Pattern[str]) -> frozenset[str]:
    found = [pattern.fullmatch(text) for text in texts]
    return frozenset(match[1] if match is not None else ANY for match in found) or frozenset({ANY})
