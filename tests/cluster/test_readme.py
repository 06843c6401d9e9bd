"""From an empty cluster to the first Succeeded task, by the commands of the README as they are written there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.tasks import wait_phase
from tools.cluster import ROOT, Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, StepFailed

# It removes the CRDs, and with them the tasks of all.
pytestmark = pytest.mark.alone

README = (ROOT / "README.md").read_text()
KINDS = ("djangotasks", "djangotaskqueues", "djangotaskschedules", "djangotaskworkflows", "djangotaskholds")
CRDS = tuple(f"{kind}.djangotasks.dev" for kind in KINDS)
PROJECT_TASK = "shop.probes.add"


def blocks(language: str, word: str) -> list[str]:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [block for block in found if word in block]


@pytest.fixture
def empty(cluster: Cluster, tmp_path: Path) -> Iterator[Path]:
    """A cluster without any of ours, and a folder to type in: the charts as a release has them, whose image is there."""

    def clean() -> None:
        default = cluster.kubectl("default")
        for namespace in ("djangotasks", "shop"):
            if default("get", "namespace", namespace, "--ignore-not-found"):
                cluster.helm("uninstall", "djangotasks", "--namespace", namespace, "--ignore-not-found")
                default("delete", "namespace", namespace, seconds=300)

    clean()
    # With all tasks that other tests left.
    cluster.kubectl("default")("delete", "crd", *CRDS, "--ignore-not-found", seconds=300)
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    repository, _, tag = cluster.image(Target.OPERATOR).rpartition(":")
    chart = tmp_path / "charts" / "djangotasks"
    edit(chart / "Chart.yaml", r"appVersion: .*", f'appVersion: "{tag}"')
    edit(chart / "values.yaml", r"repository: .*", f'repository: "{repository}"')
    yield tmp_path
    clean()


def edit(path: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, path.read_text())
    assert count == 1
    path.write_text(changed)


def web_app(cluster: Cluster) -> Kubectl:
    """What the reader has already: a web app in the namespace shop, which does not know of the cluster yet."""
    kubectl = cluster.kubectl("shop")
    kubectl.make_namespace()
    container = {
        "name": "web",
        "image": cluster.image(Target.EXAMPLE),
        "env": [{"name": "DJANGO_SECRET_KEY", "value": "for tests"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    context = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"serviceAccountName": "web", "securityContext": context, "containers": [container]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec},
    )
    kubectl.roll_out("web", seconds=300)
    return kubectl


def test_the_install_section(cluster: Cluster, empty: Path) -> None:
    kubectl = web_app(cluster)
    enqueue = ("enqueue", PROJECT_TASK, "1", "2", "--queue", "reports")
    with pytest.raises(StepFailed):
        kubectl.manage(*enqueue)
    (commands,) = blocks("sh", "helm install")
    tools = f"{cluster.provider.program('helm').parent}:{cluster.kubectl_program.parent}:{os.environ['PATH']}"
    environ = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "PATH": tools}
    done = subprocess.run(
        ["bash", "-ec", commands], cwd=empty, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (queue,) = blocks("yaml", "kind: DjangoTaskQueue")
    assert yaml.safe_load(queue)["metadata"]["namespace"] == "shop"
    kubectl("apply", "-f", "-", stdin=queue)

    id_ = kubectl.manage(*enqueue).strip()
    status = wait_phase(kubectl, id_, "Succeeded", seconds=300)
    assert json.loads(status["result"]) == 3

    (shown,) = blocks("console", "kubectl get djangotasks")
    command, columns = shown.splitlines()[:2]
    arguments = command.removeprefix("$ kubectl ").split()
    header, line = kubectl(*arguments).splitlines()
    assert header.split() == columns.split()
    assert line.split()[:6] == [id_, PROJECT_TASK, "reports", "Succeeded", "1", f"{id_}-1"]
    cluster.helm("test", "djangotasks", "--namespace", "djangotasks", "--timeout=300s")

    cluster.helm("uninstall", "djangotasks", "--namespace", "djangotasks", "--wait")
    assert kubectl("get", "djangotasks", "-o", "name").split() == [f"djangotask.djangotasks.dev/{id_}"]
