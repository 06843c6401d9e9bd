"""Which pods that find no node look for room, in the words of Kubernetes' scheduler."""

from __future__ import annotations

import pytest

from djangotasks_operator.pods.room import is_for_want_of_room

NO_VICTIMS = "No preemption victims found for incoming pod."
NOT_HELPFUL = "Preemption is not helpful for scheduling."


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 {NO_VICTIMS}", True),
        (
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. "
            f"preemption: 0/1 nodes are available: 1 {NOT_HELPFUL}",
            False,
        ),
        (
            "0/12 nodes are available: 12 node(s) had untolerated taint {gpu: }. no new claims to deallocate, "
            f"preemption: 0/12 nodes are available: 12 {NOT_HELPFUL}",
            False,
        ),
        # It asks for more than the node has.
        (f"0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 {NOT_HELPFUL}", False),
        (
            "0/12 nodes are available: 1 Insufficient cpu, 11 node(s) had untolerated taint {gpu: }. "
            f"preemption: 0/12 nodes are available: 1 {NO_VICTIMS[:-1]}, 11 {NOT_HELPFUL}",
            True,
        ),
        (
            "0/2 nodes are available: 2 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
            True,
        ),
        ('0/1 nodes are available: persistentvolumeclaim "nope" not found. not found', False),
        ("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found", False),
        ("0/3 nodes are available", True),
        ("", True),
    ],
)
def test_whether_room_would_help(message: str, expected: bool) -> None:
    assert is_for_want_of_room(message) is expected
