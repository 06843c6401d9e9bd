"""Large arguments and results, on a volume that pods share."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.operator import OperatorProcess
from tests.support.tasks import FINISH_SECONDS, status_of
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest

SHARED = "/srv/tasks"
WEB = """
    import json, sys, django
    django.setup()
    from django.tasks import default_task_backend
    from shop import probes
    if sys.argv[1:]:
        value = default_task_backend.get_result(sys.argv[1]).return_value
        print(value == {"args": ["x" * 600_000], "kwargs": {}})
    else:
        print(probes.echo.using(queue_name="reports").enqueue("x" * 600_000).id)
"""


@contextmanager
def shared_volume(cluster: Cluster, kubectl: Kubectl, folder: Path) -> Iterator[None]:
    """The claim `tasks`: of a folder of this machine, where this machine is the node, else of the default class."""
    native = cluster.provider.name == "native"
    name = kubectl.namespace  # a volume has none
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteMany" if native else "ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    if native:
        folder.chmod(0o777)
        spec = {
            "accessModes": ["ReadWriteMany"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": str(folder), "type": "Directory"},
            "storageClassName": "",
        }
        kubectl.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})
        claim |= {"storageClassName": "", "volumeName": name}
    kubectl.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "tasks"}, "spec": claim})
    try:
        yield
    finally:
        kubectl("delete", "pvc", "tasks", "--wait=false")
        if native:
            kubectl("delete", "pv", name, "--wait=false")


def web_pod(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """A pod `web` like a task's, that waits for commands, and the Role of the web app."""
    account = {"kind": "ServiceAccount", "metadata": {"name": "web"}}
    verbs = ["create", "get", "list", "watch", "patch"]
    rules = [{"apiGroups": ["djangotasks.dev"], "resources": ["djangotasks"], "verbs": verbs}]
    api = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {"name": "web"}, "rules": rules}
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "web"},
        "roleRef": {"apiGroup": api, "kind": "Role", "name": "web"},
        "subjects": [{"kind": "ServiceAccount", "name": "web"}],
    }
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = spec["containers"][0] | {"command": ["sleep", "3600"], "securityContext": restricted}
    pod = spec | {
        "containers": [container],
        "serviceAccountName": "web",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
    }
    return [
        {"apiVersion": "v1"} | account,
        role,
        binding,
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": pod},
    ]


def test_a_volume_that_pods_share(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    """The web app is a pod too, with the rights of one."""
    environ = [{"name": "TASKS_FOLDER", "value": SHARED}, {"name": "DJANGO_SECRET_KEY", "value": "for tests"}]
    volumes = {"volumes": [{"name": "tasks", "persistentVolumeClaim": {"claimName": "tasks"}}]}
    container = {"env": environ, "volumeMounts": [{"name": "tasks", "mountPath": SHARED}]}
    manifest = queue_manifest("reports", cluster.image(Target.EXAMPLE), container_update=container, pod_update=volumes)
    with shared_volume(cluster, kubectl, tmp_path):
        kubectl.apply(manifest, *web_pod(manifest["spec"]["template"]["spec"]))
        kubectl(
            "wait", "--for=condition=Ready", "pod/web", f"--timeout={FINISH_SECONDS:.0f}s", seconds=FINISH_SECONDS + 10
        )

        def web(*arguments: str) -> str:
            return kubectl("exec", "web", "--", "python", "-c", textwrap.dedent(WEB), *arguments).strip()

        id_ = web()
        wait_for("the task", lambda: status_of(kubectl, id_).get("finishedAt"), seconds=FINISH_SECONDS)
        status = status_of(kubectl, id_)
        assert (status["phase"], "resultRef" in status) == ("Succeeded", True), status
        assert web(id_) == "True"
        kubectl("delete", "djangotask", id_)
        kubectl("exec", "web", "--", "python", "manage.py", "prune_task_files", "--grace=0")
        assert kubectl("exec", "web", "--", "find", SHARED, "-type", "f").strip() == ""
        kubectl("delete", "pod", "web", "--grace-period=1")
