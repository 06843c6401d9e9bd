"""PostgreSQL in a pod, from the image that the example uses, and a way to it from this process."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for

READY_SECONDS = 240.0


@contextlib.contextmanager
def postgres(cluster: Cluster, kubectl: Kubectl) -> Iterator[dict[str, str]]:
    """The environment that leads to it: DATABASE_PORT, on this machine, and DATABASE_PASSWORD."""
    password = secrets.token_hex(8)
    kubectl.apply(_pod(cluster.image(Target.SERVICES), password))
    kubectl(
        "wait", "--for=condition=Ready", "pod/postgres", f"--timeout={READY_SECONDS:.0f}s", seconds=READY_SECONDS + 10
    )
    command = [str(kubectl.program), "--kubeconfig", str(kubectl.kubeconfig), "-n", kubectl.namespace]
    with subprocess.Popen(
        [*command, "port-forward", "pod/postgres", ":5432"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as forward:
        try:
            assert forward.stdout is not None
            line = forward.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, line
            port = found[1]
            wait_for("PostgreSQL answers", lambda: _answers(int(port)), seconds=READY_SECONDS)
            yield {"DATABASE_PORT": port, "DATABASE_PASSWORD": password}
        finally:
            forward.kill()


def _answers(port: int) -> bool | None:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2):
        return True
    return None


def _pod(image: str, password: str) -> dict[str, Any]:
    container = {
        "name": "postgres",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["postgres"],
        "env": [
            {"name": "PGDATA", "value": "/data/postgres"},
            {"name": "POSTGRES_USER", "value": "shop"},
            {"name": "POSTGRES_PASSWORD", "value": password},
        ],
        "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {
        "containers": [container],
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "data", "emptyDir": {}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "postgres"}, "spec": spec}
