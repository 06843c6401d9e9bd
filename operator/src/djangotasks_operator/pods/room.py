"""Whether a pod that finds no node looks for room, by what the scheduler says of it. Pure."""

import re

# The scheduler's own answer for each node where it would help nothing to delete other pods: the pod does not select it,
# or does not tolerate its taint, or the node is too small for it even without any pod.
NO_POD_IS_IN_THE_WAY = re.compile(
    r"preemption: 0/(\d+) nodes are available: \1 Preemption is not helpful for scheduling\b"
)
# What it looks for before it comes to nodes.
NO_CLAIM = re.compile(
    r"nodes are available: (persistentvolumeclaim .* not found|pod has unbound immediate PersistentVolumeClaims)"
)


def is_for_want_of_room(message: str) -> bool:
    """Whether it may find a node when other pods go. `message`: of its condition PodScheduled."""
    return not (NO_POD_IS_IN_THE_WAY.search(message) or NO_CLAIM.search(message))
