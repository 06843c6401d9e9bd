"""Sets up what the benchmarks on fake nodes need: KWOK, a namespace, and the operator as a process of this machine.

A process, because its CPU time and memory can then be read, it can be stopped and started in a moment, and looked into
with a profiler. It has what the chart gives it: its service account with its rights (so the API server's fair queueing
holds for it as in a cluster), a Lease, the default settings. All of it is gone afterwards.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.api import Api
from benchmarks.fates import Fate, pod_template, stages
from benchmarks.process import Usage
from benchmarks.site import DEPLOYMENT, RELEASE, refuse_other_operators
from tests.support.operator import OperatorProcess
from tools.cluster import ROOT, kwok
from tools.cluster.cluster import Cluster
from tools.cluster.golang.builder import module_folder
from tools.cluster.golang.recipes import recipes
from tools.cluster.settings import state_folder, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cluster import Progress

NODES = 20
QUEUE = "default"
READY_STAGES = ("pod-ready.yaml", "pod-delete.yaml")


class Operator(OperatorProcess):
    """Whose use of the machine is read."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def usage(self) -> Usage:
        return Usage.of(self.pid)


@dataclass(frozen=True)
class FakeSite:
    """`namespace`: the one that the operator works in, with the queue `default`, whose pods succeed at once.
    `floor_namespace`: one that it does not, where its account has the same rights."""

    cluster: Cluster
    api: Api
    namespace: str
    operator: Operator
    folder: Path
    progress: Progress
    floor_namespace: str
    operator_kubeconfig: Path

    @property
    def kubeconfig(self) -> Path:
        return self.cluster.kubeconfig

    def add_queue(self, name: str, fate: Fate = Fate.SUCCEED, runs_for: str | None = None, **spec: Any) -> None:
        self.cluster.kubectl(self.namespace).apply(queue_manifest(name, fate, runs_for, **spec))


def queue_manifest(name: str, fate: Fate = Fate.SUCCEED, runs_for: str | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskQueue",
        "metadata": {"name": name},
        "spec": {"template": pod_template(fate, runs_for)} | spec,
    }


@contextmanager
def fake_site(progress: Progress) -> Iterator[FakeSite]:
    """Up and ready. Raises ProviderError or StepFailed."""
    cluster = Cluster.ready()
    refuse_other_operators(cluster)
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="djangotasks-bench-")))
        cleanup.callback(kwok.stop, cluster.provider, progress)
        kwok.start(cluster.provider, NODES, progress, pod_stages=_stages_file(folder, progress))
        watched, own, floor = (_namespace(cluster, cleanup) for _ in range(3))
        cleanup.callback(cluster.helm, "uninstall", RELEASE, "--namespace", own, "--ignore-not-found")
        kubeconfig = _install_rights(cluster, own, (watched, floor), folder)
        lease = ("--lease", f"{own}/{DEPLOYMENT}")
        operator = Operator(cluster, watched, folder, kubeconfig=kubeconfig, options=lease)
        cleanup.callback(operator.close)
        operator.start()
        site = FakeSite(cluster, Api(cluster.kubeconfig), watched, operator, folder, progress, floor, kubeconfig)
        site.add_queue(QUEUE)
        progress.say("operator", f"process {operator.pid} works in {watched}")
        yield site
        progress.say("operator", "being removed, with its namespaces")


def _stages_file(folder: Path, progress: Progress) -> Path:
    """kwok's own for a pod's start and deletion, and ours for its end."""
    source = module_folder(state_folder(), progress, recipes(versions())["kwok"]) / "kustomize/stage/pod/fast"
    path = folder / "stages.yaml"
    ours = [yaml.safe_dump(stage, sort_keys=False) for stage in stages()]
    path.write_text("\n---\n".join([*((source / name).read_text() for name in READY_STAGES), *ours]))
    return path


def _namespace(cluster: Cluster, cleanup: ExitStack) -> str:
    name = cluster.new_namespace()

    def remove() -> None:
        # A pod on a node that is about to go has nobody who would end it politely.
        kubectl = cluster.kubectl(name)
        kubectl("delete", "jobs,djangotasks", "--all", "--wait=false", seconds=300)
        kubectl("delete", "pods", "--all", "--force", "--grace-period=0", "--wait=false", seconds=300)
        cluster.delete_namespace(name)

    cleanup.callback(remove)
    return name


def _install_rights(cluster: Cluster, own: str, watched: tuple[str, ...], folder: Path) -> Path:
    """The chart without its pods, and a kubeconfig with a token of its service account."""
    values = {"replicas": "0", "crds.enabled": "false"}
    values |= {f"watchNamespaces[{number}]": namespace for number, namespace in enumerate(watched)}
    settings = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    cluster.helm("upgrade", "--install", RELEASE, str(ROOT / "charts" / "djangotasks"), "--namespace", own, *settings)
    token = cluster.kubectl(own)("create", "token", DEPLOYMENT, "--duration=24h").strip()
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path
