"""The files and flags of the components. Control-plane flags stay the defaults but for what is needed here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tools.cluster.native.layout import (
    CNI_NETWORK,
    NODE_ADDRESS,
    POD_RANGE,
    SERVICE_RANGE,
    Layout,
    Node,
)

if TYPE_CHECKING:
    from pathlib import Path

ETCD_URL = "http://127.0.0.1:2379"
ETCD_HEALTH_PORT = 2381
ETCD_PEER_URL = "http://127.0.0.1:2380"
PAUSE = "local/pause:1"


def etcd(data: Path) -> list[str]:
    """Flags of etcd. No fsync: the data lives as long as the cluster, and tests must not wait for a disk."""
    return [
        f"--data-dir={data}",
        "--unsafe-no-fsync",
        f"--quota-backend-bytes={8 << 30}",
        f"--listen-client-urls={ETCD_URL}",
        f"--advertise-client-urls={ETCD_URL}",
        f"--listen-peer-urls={ETCD_PEER_URL}",
        f"--listen-metrics-urls=http://{NODE_ADDRESS}:{ETCD_HEALTH_PORT}",
    ]


def apiserver(pki: Path) -> list[str]:
    """Flags of kube-apiserver."""
    return [
        f"--etcd-servers={ETCD_URL}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--advertise-address={NODE_ADDRESS}",
        "--secure-port=6443",
        "--allow-privileged=true",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/admin.crt",
        f"--kubelet-client-key={pki}/admin.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={pki}/sa.key",
        f"--service-account-signing-key-file={pki}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        # The aggregation layer: extension API servers trust the admin certificate as the front proxy.
        f"--requestheader-client-ca-file={pki}/ca.crt",
        "--requestheader-allowed-names=admin",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/admin.crt",
        f"--proxy-client-key-file={pki}/admin.key",
    ]


def _as_user(kubeconfig: Path) -> list[str]:
    flags = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    return [*(f"--{flag}={kubeconfig}" for flag in flags), "--leader-elect=false"]


def controller_manager(layout: Layout) -> list[str]:
    """Flags of kube-controller-manager."""
    return [
        *_as_user(layout.kubeconfig("kube-controller-manager")),
        f"--service-account-private-key-file={layout.pki}/sa.key",
        f"--root-ca-file={layout.pki}/ca.crt",
        "--use-service-account-credentials=true",
        f"--cluster-cidr={POD_RANGE}",
    ]


def scheduler(layout: Layout) -> list[str]:
    """Flags of kube-scheduler."""
    return _as_user(layout.kubeconfig("kube-scheduler"))


def proxy(layout: Layout, node: Node) -> list[str]:
    """Flags of kube-proxy."""
    return [
        f"--kubeconfig={layout.kubeconfig('kube-proxy')}",
        f"--hostname-override={node.name}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={POD_RANGE}",
        # The limit belongs to the whole machine: leave it alone.
        "--conntrack-max-per-core=0",
        "--healthz-bind-address=127.0.0.1:10256",
    ]


def containerd(folder: Path, socket: Path) -> str:
    """Return containerd's configuration."""
    return f"""\
version = 3
root = "{folder}/containerd"
state = "{folder}/containerd-state"
[grpc]
  address = "{socket}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{PAUSE}"
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "{folder}/registries"
[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE runc may not write the sandbox's -998, and says only
  # "can't get final child's PID from pipe: EOF".
  restrict_oom_score_adj = true
  # So that an unmount of all below `state` leaves no pod's namespace behind.
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{folder}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def no_registry() -> str:
    """Return the answer to every pull: a closed port. Images are loaded; one that is not must fail at once, and
    not wait for the time-out of a registry that is out of reach."""
    return 'server = "http://127.0.0.1:1"\n'


def cni(folder: Path, node: Node) -> str:
    """Return the pod network: a bridge, addresses from the node's own range."""
    routes = [{"dst": "0.0.0.0/0"}]
    ipam = {
        "type": "host-local",
        "dataDir": f"{folder}/ipam",
        "ranges": [[{"subnet": node.pods}]],
        "routes": routes,
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": ipam,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "1.0.0", "name": CNI_NETWORK, "plugins": [bridge, ports]}, indent=1)


def kubelet(layout: Layout, node: Node) -> str:
    """Return the kubelet's configuration."""
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{layout.pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket(node)}",
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        # Since 1.35 the kubelet refuses cgroup v1 by default.
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "maxPods": 250,
        "podLogsDir": f"{layout.node(node)}/pod-logs",
        "tlsCertFile": f"{layout.pki}/kubelet-{node.name}.crt",
        "tlsPrivateKeyFile": f"{layout.pki}/kubelet-{node.name}.key",
        "resolvConf": "/etc/resolv.conf",
        # A pod may ask for an image before it is loaded. The kubelet then takes it for one that it pulled itself,
        # and would check with the registry whether this pod may have it.
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
        "serializeImagePulls": False,
        # Images are loaded once and found nowhere else: never collect them.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
    }
    return json.dumps(config, indent=1)


def kubelet_flags(layout: Layout, node: Node) -> list[str]:
    """Flags of the kubelet that its configuration has no field for."""
    folder = layout.node(node)
    return [
        f"--config={folder}/kubelet.json",
        f"--kubeconfig={layout.kubeconfig(f'kubelet-{node.name}')}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--root-dir={folder}/kubelet",
        f"--cert-dir={layout.pki}",
    ]
