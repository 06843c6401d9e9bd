"""What pods that find no room look for, in the words of Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.pods.room import ANY, devices, lacking, lacking_of_quota

NO_VICTIMS = "No preemption victims found for incoming pod."
NOT_HELPFUL = "Preemption is not helpful for scheduling."
GPU = "nvidia.com/gpu"
QUOTA = 'pods "a-1" is forbidden: exceeded quota: narrow, requested: {}, used: pods=9, limited: pods=9'


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 {NO_VICTIMS}", {ANY}),
        (
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. "
            f"preemption: 0/1 nodes are available: 1 {NOT_HELPFUL}",
            set(),
        ),
        (
            "0/12 nodes are available: 12 node(s) had untolerated taint {gpu: }. no new claims to deallocate, "
            f"preemption: 0/12 nodes are available: 12 {NOT_HELPFUL}",
            set(),
        ),
        # It asks for more than the node has.
        (f"0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 {NOT_HELPFUL}", set()),
        (
            "0/12 nodes are available: 1 Insufficient cpu, 11 node(s) had untolerated taint {gpu: }. "
            f"preemption: 0/12 nodes are available: 1 {NO_VICTIMS[:-1]}, 11 {NOT_HELPFUL}",
            {ANY},
        ),
        (
            f"0/3 nodes are available: 1 Insufficient {GPU}, 2 node(s) didn't match Pod's node affinity/selector. "
            f"preemption: 0/3 nodes are available: 1 {NO_VICTIMS[:-1]}, 2 {NOT_HELPFUL}",
            {GPU},
        ),
        (
            f"0/3 nodes are available: 1 Insufficient cpu, 3 Insufficient {GPU}. "
            f"preemption: 0/3 nodes are available: 3 {NO_VICTIMS}",
            {ANY, GPU},
        ),
        (f"0/3 nodes are available: 3 Insufficient {GPU}.", {GPU}),
        (f"0/3 nodes are available: 1 Too many pods, 2 Insufficient {GPU}.", {ANY, GPU}),
        (
            "0/2 nodes are available: 2 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
            {ANY},
        ),
        ('0/1 nodes are available: persistentvolumeclaim "nope" not found. not found', set()),
        ("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found", set()),
        ("0/3 nodes are available", {ANY}),
        ("", {ANY}),
    ],
)
def test_what_the_scheduler_says(message: str, expected: set[str]) -> None:
    assert lacking(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (QUOTA.format("pods=1"), {ANY}),
        (QUOTA.format("requests.cpu=1,requests.memory=1Gi"), {ANY}),
        (QUOTA.format(f"requests.{GPU}=1"), {GPU}),
        (QUOTA.format(f"pods=1,requests.{GPU}=1"), {ANY, GPU}),
        ("exceeded quota: narrow", {ANY}),
        ("", {ANY}),
    ],
)
def test_what_a_quota_says(message: str, expected: set[str]) -> None:
    assert lacking_of_quota(message) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": [{"resources": {"limits": {GPU: 1, "memory": "1Gi"}}}]}, {GPU}),
        ({"containers": [{}], "initContainers": [{"resources": {"requests": {GPU: 1}}}]}, {GPU}),
        ({"containers": [{"resources": None}]}, set()),
    ],
)
def test_what_devices_a_pod_has(spec: dict[str, Any], expected: set[str]) -> None:
    assert devices(spec) == expected
