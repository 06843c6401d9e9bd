"""What the native cluster's files say."""

import json
import tomllib
from pathlib import Path

from tools.cluster.native import config
from tools.cluster.native.layout import Layout, Node

LAYOUT = Layout(Path("/state"))
NODE2 = Node("node2", "198.18.254.6", "198.18.64.0/18")


def test_containerd_is_all_in_the_nodes_folder() -> None:
    text = config.containerd(LAYOUT.node(NODE2), LAYOUT.containerd_socket(NODE2))
    parsed = tomllib.loads(text)
    assert parsed["root"].startswith("/state/run/nodes/node2/")
    assert parsed["state"].startswith("/state/run/nodes/node2/")
    runtime = parsed["plugins"]["io.containerd.cri.v1.runtime"]
    assert (runtime["restrict_oom_score_adj"], runtime["netns_mounts_under_state_dir"]) == (True, True)


def test_pods_take_addresses_from_the_nodes_own_range() -> None:
    bridge, _ = json.loads(config.cni(LAYOUT.node(NODE2), NODE2))["plugins"]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "198.18.64.0/18"}]]


def test_kubelet_and_flags_name_the_node() -> None:
    kubelet = json.loads(config.kubelet(LAYOUT, NODE2))
    assert kubelet["containerRuntimeEndpoint"] == "unix:///state/run/nodes/node2/containerd.sock"
    assert "--hostname-override=node2" in config.kubelet_flags(LAYOUT, NODE2)
    assert "--hostname-override=node2" in config.proxy(LAYOUT, NODE2)


def test_control_plane_keeps_its_default_speed() -> None:
    """Figures measured on a cluster with raised limits would be no one else's."""
    flags = [*config.apiserver(LAYOUT.pki), *config.controller_manager(LAYOUT), *config.scheduler(LAYOUT)]
    tuned = ("qps", "burst", "inflight", "concurrent", "sync", "watch-cache")
    assert [flag for flag in flags if any(word in flag for word in tuned)] == []
